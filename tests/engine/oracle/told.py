"""`told`: one line a stored payment, with what it says of itself. Every other piece of the oracle reads this."""

from __future__ import annotations

from apps.fraud.engine.geography import POSITIONS
from apps.fraud.engine.rates import REFERENCE_RATES

PLACES = ", ".join(
    f"('{code}', {latitude}::float8, {longitude}::float8)" for code, (latitude, longitude) in sorted(POSITIONS.items())
)


def rates() -> str:
    """When asked, not when imported: a test takes a rate away."""
    return ", ".join(f"('{code}', {rate}::numeric)" for code, rate in sorted(REFERENCE_RATES.items()))


# `at`, `key` is the total order of payments: "earlier" means smaller in it. '' is how a column says "not told".
# Cents round half up: div() cuts, so half a unit is added before, and nothing is ever divided inexactly.
TOLD = """
told AS (
    SELECT
        r.id AS number, r.external_id AS id,
        p.attempted_at AS at, substring(sha256(convert_to(r.external_id, 'UTF8')) FOR 8) AS key,
        p.attempted_at AT TIME ZONE t.time_zone AS local,
        p.attempted_at AT TIME ZONE 'UTC' AS utc,
        p.status_id AS status, p.amount, p.currency_id AS currency,
        div(p.amount * 200 + rate.per_euro, rate.per_euro * 2) AS cents,
        nullif(p.failure_code, '') AS failure_code,
        c.external_id AS customer, c.segment, c.registered_at,
        d.fingerprint AS device, nullif(d.os, '') AS os, nullif(d.browser, '') AS browser,
        coalesce(nullif(d.kind, ''), nullif(s.device_kind, '')) AS device_kind,
        nullif(s.utm_source, '') AS utm_source, nullif(s.utm_campaign, '') AS utm_campaign,
        w.kind AS method, w.number_hash AS card, nullif(w.bin, '') AS card_bin,
        p.ip_hash AS ip,
        m.external_id AS merchant, nullif(m.mcc, '') AS merchant_mcc,
        s.external_id AS session,
        p.cart_at, p.basket_size, p.adult_restricted,
        nullif(p.payment_country, '') AS payment_country, nullif(p.ip_country, '') AS ip_country,
        nullif(w.issuer_country, '') AS card_country, nullif(c.country, '') AS profile_country,
        nullif(p.billing_country, '') AS billing_country
    FROM payments_payment p
    JOIN payments_paymentreference r ON r.id = p.id
    JOIN compliance_tenant t ON t.id = p.tenant_id
    JOIN customers_customer c ON c.id = p.customer_id
    JOIN payments_paymentmethod w ON w.id = p.method_id
    LEFT JOIN customers_device d ON d.id = p.device_id
    LEFT JOIN customers_websession s ON s.id = p.session_id
    LEFT JOIN payments_merchant m ON m.id = p.merchant_id
    LEFT JOIN rate ON rate.currency = p.currency_id
    WHERE p.tenant_id = %(tenant)s
)
"""
