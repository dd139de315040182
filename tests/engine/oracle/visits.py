"""What the visitor did up to the payment, from the stored behaviour. A payment's own events are none of it."""

from __future__ import annotations

# The newest 128 by time; which of several of one instant would be the last of them is nobody's promise.
VISITS = """
, kind (type, step, changes) AS (VALUES
    ('page_view', 1, false), ('search', 1, false), ('product_view', 2, false), ('view_cart', 3, false),
    ('add_to_cart', 3, true), ('remove_from_cart', 3, true), ('update_cart', 3, true),
    ('checkout_start', 4, false), ('begin_checkout', 4, false), ('add_payment_method', 4, false)
), done AS (
    SELECT e.*, kind.step, kind.changes, CASE WHEN kind.step = 2 THEN e.body->>'product_id' END AS product,
        row_number() OVER (PARTITION BY e.session_id ORDER BY e.at DESC) AS place
    FROM documents_events e JOIN kind USING (type)
    WHERE e.tenant_id = %(tenant)s AND e.session_id IS NOT NULL
), visit AS (
    SELECT told.id, min(done.at) AS first_at, count(*) AS events, count(DISTINCT product) AS products,
        max(step) AS step, count(*) FILTER (WHERE changes) AS changes
    FROM told JOIN done ON done.session_id = told.session AND done.at <= told.at AND done.place <= 128
    GROUP BY told.id
)
SELECT told.id, events AS session_events, products AS session_products, step AS session_step,
    extract(epoch FROM told.at - first_at) AS session_seconds, changes AS session_cart_changes
FROM told LEFT JOIN visit ON visit.id = told.id
"""
