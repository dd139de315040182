"""Runs of frauds known at a merchant, and sums unlike a customer's own.

A run is a set's own property here: a known fraud begins one if none became known within the seven days before it.
"""

from __future__ import annotations

_WEEK = "interval '168 hours'"

# Of each payment, the frauds known at its merchant by then; then where among them a run begins.
RUNS = f"""
, verdict AS (
    SELECT DISTINCT ON (p.id, q.id) p.id AS payment, p.at, l.known_at, l.is_fraud
    FROM told p
    JOIN told q ON q.merchant = p.merchant
    JOIN fraud_fraudlabel l ON l.payment_id = q.number AND l.known_at <= p.at
    ORDER BY p.id, q.id, l.known_at DESC, l.is_fraud DESC
), known AS (
    SELECT payment, at, known_at,
        lag(known_at) OVER (PARTITION BY payment ORDER BY known_at) >= known_at - {_WEEK} AS goes_on
    FROM verdict WHERE is_fraud
), counted AS (
    SELECT payment,
        count(*) FILTER (WHERE known_at >= at - interval '24 hours') AS of_day,
        count(*) FILTER (WHERE known_at >= at - {_WEEK}) AS of_week,
        extract(epoch FROM min(at) - max(known_at)) AS since_last,
        extract(epoch FROM min(at) - max(known_at) FILTER (WHERE goes_on IS NOT TRUE)) AS since_first
    FROM known GROUP BY payment
)
SELECT id,
    CASE WHEN merchant IS NOT NULL THEN coalesce(of_day, 0) END AS merchant_frauds_24h,
    CASE WHEN merchant IS NOT NULL THEN coalesce(of_week, 0) END AS merchant_frauds_7d,
    since_last AS seconds_since_merchant_fraud,
    since_first AS merchant_fraud_run_seconds
FROM told LEFT JOIN counted ON counted.payment = told.id
"""

LARGE = f"""
, usual AS (
    SELECT p.id, count(q.cents) AS priced, sum(q.cents) AS summed
    FROM told p LEFT JOIN told q ON q.customer = p.customer AND (q.at, q.key) < (p.at, p.key)
    GROUP BY p.id
)
SELECT p.id, CASE WHEN priced > 0 THEN (
    SELECT count(*) FROM told q
    WHERE q.customer = p.customer AND (q.at, q.key) < (p.at, p.key) AND q.at >= p.at - {_WEEK}
        AND q.cents * priced > 3 * summed
) END AS customer_large_7d
FROM told p JOIN usual ON usual.id = p.id
"""
