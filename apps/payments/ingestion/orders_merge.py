"""Staged orders into rows."""

from __future__ import annotations

from apps.payments.ingestion.staging import Merged, Run, execute, fetch

STAGE = "ingest_order"
STAGE_COLUMNS = """
    n integer PRIMARY KEY, order_id text, customer_id text, session_id text, payment_id text, placed_at timestamptz,
    total numeric(14, 3), currency text, shipping_method text, status text
"""
# Of an export everything is there (`complete`); in the stream an order may overtake its session or its payment.
FOUND_COLUMNS = """
    n integer PRIMARY KEY, customer bigint, session bigint, payment bigint, known bigint, early boolean, fault text
"""
FIND = """
INSERT INTO ingest_order_found
SELECT s.n, c.id, w.id, r.id, o.id, %(wait)s AND s.payment_id IS NOT NULL AND r.id IS NULL AND o.id IS NULL, CASE
    WHEN c.id IS NULL THEN 'customer_id ' || s.customer_id || ' is not a known customer. Load the customer first.'
    WHEN %(complete)s AND s.session_id IS NOT NULL AND w.id IS NULL
        THEN 'session_id ' || s.session_id || ' is not a known session.'
    WHEN %(complete)s AND s.payment_id IS NOT NULL AND r.id IS NULL
        THEN 'payment_id ' || s.payment_id || ' is not a known payment.'
    WHEN w.customer_id <> c.id THEN 'session_id ' || s.session_id || ' belongs to another customer.'
    WHEN u.code IS NULL THEN 'currency ' || s.currency || ' is not one that orders can be made in.'
    WHEN scale(trim_scale(s.total)) > u.minor_units
        THEN 'The total ' || trim_scale(s.total) || ' has more decimals than ' || s.currency || ' has.'
    WHEN o.customer_id <> c.id THEN 'order_id ' || s.order_id || ' is already recorded for another customer.'
    END
FROM ingest_order s
LEFT JOIN LATERAL (SELECT * FROM customers_customer
    WHERE tenant_id = %(tenant)s AND external_id = s.customer_id LIMIT 1) c ON true
LEFT JOIN LATERAL (SELECT * FROM customers_websession
    WHERE tenant_id = %(tenant)s AND external_id = s.session_id LIMIT 1) w ON true
LEFT JOIN LATERAL (SELECT * FROM payments_paymentreference
    WHERE tenant_id = %(tenant)s AND external_id = s.payment_id LIMIT 1) r ON true
LEFT JOIN LATERAL (SELECT * FROM payments_order
    WHERE tenant_id = %(tenant)s AND external_id = s.order_id LIMIT 1) o ON true
LEFT JOIN payments_currency u ON u.code = s.currency
"""
FAULTS = "SELECT n, fault FROM ingest_order_found WHERE fault IS NOT NULL ORDER BY n"
INSERT = """
INSERT INTO payments_order
    (tenant_id, external_id, customer_id, session_id, payment_id, placed_at, total, currency_id, shipping_method,
     status)
SELECT %(tenant)s::bigint, s.order_id, f.customer, f.session, f.payment, s.placed_at, s.total, s.currency,
       coalesce(s.shipping_method, ''), s.status
FROM ingest_order s JOIN ingest_order_found f USING (n)
WHERE f.fault IS NULL AND NOT f.early ORDER BY s.order_id, s.n
ON CONFLICT (tenant_id, external_id) DO NOTHING
"""
# An order that came before its payment learns of it when it is told again.
LINK = """
UPDATE payments_order o SET payment_id = f.payment, session_id = coalesce(o.session_id, f.session)
FROM ingest_order_found f
WHERE f.fault IS NULL AND f.payment IS NOT NULL AND o.id = f.known AND o.payment_id IS NULL
"""


EARLY = "SELECT n FROM ingest_order_found WHERE early AND fault IS NULL ORDER BY n"


def merge_orders(run: Run, *, complete: bool, wait: bool = False) -> Merged:
    """Inside a transaction, after the stage is filled. With `wait`, an order whose payment is unknown stays out."""
    values = run.values(complete=complete, wait=wait)
    execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS ingest_order_found ({FOUND_COLUMNS}) ON COMMIT DELETE ROWS")
    execute("DELETE FROM ingest_order_found")
    execute(FIND, values)
    faults = [(n, fault) for n, fault in fetch(FAULTS)]
    inserted = execute(INSERT, values)
    execute(LINK, values)
    return Merged(inserted, faults)


def early_orders() -> list[int]:
    return [row[0] for row in fetch(EARLY)]
