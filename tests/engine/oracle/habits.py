"""What is usual for the customer. `before` is every earlier payment of theirs, however long ago."""

from __future__ import annotations

_BEFORE = "ORDER BY at, key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"

HABITS = f"""
, seen AS (
    SELECT *,
        count(cents) OVER before AS priced,
        avg(cents) OVER before / 100 AS mean,
        stddev_pop(cents) OVER before / 100 AS deviation,
        count(*) OVER before AS earlier,
        count(*) FILTER (WHERE status = 'success') OVER before AS succeeded,
        lag(at) OVER in_order AS last_at, lag(device) OVER in_order AS last_device, lag(ip) OVER in_order AS last_ip,
        min(at) OVER (PARTITION BY device {_BEFORE}) AS device_seen_at,
        count(*) OVER (PARTITION BY customer, device {_BEFORE}) AS with_device,
        count(*) OVER (PARTITION BY customer, ip {_BEFORE}) AS with_ip,
        count(*) OVER (PARTITION BY customer, payment_country {_BEFORE}) AS from_country,
        count(*) OVER (PARTITION BY customer, merchant {_BEFORE}) AS at_merchant
    FROM told
    WINDOW before AS (PARTITION BY customer {_BEFORE}), in_order AS (PARTITION BY customer ORDER BY at, key)
)
SELECT id,
    mean AS customer_amount_mean,
    CASE WHEN priced > 1 THEN deviation END AS customer_amount_std,
    cents / 100.0 / nullif(mean, 0) AS amount_ratio,
    CASE WHEN priced > 1 THEN (cents / 100.0 - mean) / nullif(deviation, 0) END AS amount_deviation,
    CASE WHEN registered_at <= at THEN extract(epoch FROM at - registered_at) / 86400 END AS account_age_days,
    earlier AS previous_payments,
    succeeded AS previous_successes,
    earlier = 0 AS first_payment,
    succeeded = 0 AS first_purchase,
    extract(epoch FROM at - last_at) AS seconds_since_last_payment,
    CASE WHEN cart_at <= at THEN extract(epoch FROM at - cart_at) END AS seconds_since_cart,
    CASE WHEN device IS NOT NULL THEN extract(epoch FROM at - device_seen_at) END AS seconds_since_device_seen,
    CASE WHEN device IS NOT NULL AND earlier > 0 THEN with_device = 0 END AS new_device,
    CASE WHEN ip IS NOT NULL AND earlier > 0 THEN with_ip = 0 END AS new_ip,
    CASE WHEN payment_country IS NOT NULL AND earlier > 0 THEN from_country = 0 END AS new_country,
    CASE WHEN merchant IS NOT NULL THEN at_merchant = 0 END AS first_at_merchant,
    CASE WHEN num_nulls(device, ip, last_device, last_ip) = 0 THEN
        last_at >= at - interval '1 hour' AND device <> last_device AND ip <> last_ip
    END AS device_ip_change_1h
FROM seen
"""
