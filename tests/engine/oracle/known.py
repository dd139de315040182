"""Verdicts as they were known when each payment was attempted, and what they make of a merchant.

Of a payment's labels known by then the newest speaks; of two as new as each other, the one that says fraud.
"""

from __future__ import annotations


def _frauds(owner: str, since: str = "") -> str:
    """How many payments of p's customer, device … were known as fraud at p's time."""
    return f"""(
        SELECT count(*) FROM (
            SELECT DISTINCT ON (q.id) l.is_fraud, l.known_at
            FROM told q JOIN fraud_fraudlabel l ON l.payment_id = q.number
            WHERE q.{owner} = p.{owner} AND l.known_at <= p.at
            ORDER BY q.id, l.known_at DESC, l.is_fraud DESC) verdict
        WHERE is_fraud {since})"""


FRAUDS = f"""
SELECT id,
    {_frauds("customer")} AS customer_frauds,
    CASE WHEN device IS NOT NULL THEN {_frauds("device")} END AS device_frauds,
    CASE WHEN card IS NOT NULL THEN {_frauds("card")} END AS card_frauds
FROM told p
"""

# Whole minutes, hours and days of UTC, before the one in which the payment falls.
PERIODS = {
    "10m": ("minute", "10 minutes"),
    "1h": ("minute", "60 minutes"),
    "24h": ("hour", "24 hours"),
    "7d": ("day", "168 hours"),
    "30d": ("day", "720 hours"),
}


def _counted(window: str) -> str:
    unit, span = PERIODS[window]
    inside = f"q.utc >= date_trunc('{unit}', p.utc) - interval '{span}' AND q.utc < date_trunc('{unit}', p.utc)"
    return f"""
    count(*) FILTER (WHERE {inside}) AS merchant_attempts_{window},
    count(*) FILTER (WHERE {inside} AND q.status = 'success') AS merchant_successes_{window},
    count(*) FILTER (WHERE {inside} AND q.status = 'failed') AS merchant_failures_{window},
    coalesce(sum(q.cents) FILTER (WHERE {inside}), 0) / 100.0 AS merchant_amount_{window}"""


_NAMES = ", ".join(f"merchant_{what}_{w}" for w in PERIODS for what in ("attempts", "successes", "failures", "amount"))
MERCHANTS = f"""
, counted AS (
    SELECT p.id, p.cents, {_frauds("merchant", "AND known_at >= p.at - interval '720 hours'")} AS frauds,
    {",".join(_counted(window) for window in PERIODS)}
    FROM told p JOIN told q ON q.merchant = p.merchant
    GROUP BY p.id, p.at, p.utc, p.cents, p.merchant
)
SELECT told.id, {_NAMES},
    merchant_amount_30d / nullif(merchant_attempts_30d, 0) AS merchant_amount_mean,
    counted.cents / 100.0 / nullif(merchant_amount_30d / nullif(merchant_attempts_30d, 0), 0) AS merchant_amount_ratio,
    merchant_failures_24h::float8 / nullif(merchant_attempts_24h, 0) AS merchant_failure_rate_24h,
    frauds AS merchant_frauds_30d,
    frauds::float8 / nullif(merchant_attempts_30d, 0) AS merchant_fraud_rate_30d
FROM told LEFT JOIN counted ON counted.id = told.id
"""
