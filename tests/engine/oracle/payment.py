"""What the payment itself says, and its countries."""

from __future__ import annotations

from tests.engine.oracle.told import PLACES

PAYMENT = """
SELECT id, amount::float8, cents / 100.0 AS amount_eur, currency,
    extract(hour FROM local)::int AS hour,
    extract(isodow FROM local)::int AS weekday,
    extract(isodow FROM local) IN (6, 7) AS is_weekend,
    local::time >= '22:00' OR local::time < '06:00' AS is_night,
    method, status = 'failed' AS failed,
    CASE WHEN status = 'failed' THEN failure_code END AS failure_code,
    card_bin, device_kind, device_kind IN ('ios', 'android') AS is_mobile, os, browser, utm_source, utm_campaign,
    basket_size, adult_restricted, segment, merchant, merchant_mcc
FROM told
"""

# Two countries of which one is not known neither agree nor differ: <> with NULL is NULL, as the catalogue says.
# The distance is the haversine on a sphere of the Earth's mean radius (WGS 84), in whole kilometres.
PLACE = f"""
, place (country, latitude, longitude) AS (VALUES {PLACES})
SELECT id, payment_country, ip_country, card_country, profile_country, billing_country,
    payment_country <> profile_country AS payment_profile_mismatch,
    payment_country <> ip_country AS payment_ip_mismatch,
    payment_country <> card_country AS payment_card_mismatch,
    payment_country <> billing_country AS payment_billing_mismatch,
    ip_country <> profile_country AS ip_profile_mismatch,
    ip_country <> card_country AS ip_card_mismatch,
    card_country <> profile_country AS card_profile_mismatch,
    round(2 * 6371.0088 * asin(sqrt(
        power(sind((b.latitude - a.latitude) / 2), 2)
        + cosd(a.latitude) * cosd(b.latitude) * power(sind((b.longitude - a.longitude) / 2), 2)
    ))) AS billing_distance_km
FROM told
LEFT JOIN place a ON a.country = payment_country
LEFT JOIN place b ON b.country = billing_country
"""
