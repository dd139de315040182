"""How often and how much, per customer, device, card and address: window functions on the event's time.

A RANGE frame reaches to the current row's peers: payments of the same instant. Those that come after it in the order
of payments are not earlier, so they are taken off again (`later`). Intervals are in hours: a day of a time zone may
have 23 or 25 of them.
"""

from __future__ import annotations

SPANS = {"10m": "10 minutes", "1h": "1 hour", "24h": "24 hours", "7d": "168 hours", "30d": "720 hours"}


def _four(owner: str, window: str) -> str:
    within, later = f'OVER "{window}"', "OVER later"
    return f"""
    CASE WHEN {owner} IS NOT NULL THEN count(*) {within} - count(*) {later} END AS {owner}_attempts_{window},
    CASE WHEN {owner} IS NOT NULL THEN
        count(*) FILTER (WHERE status = 'success') {within} - count(*) FILTER (WHERE status = 'success') {later}
        - (status = 'success')::int
    END AS {owner}_successes_{window},
    CASE WHEN {owner} IS NOT NULL THEN
        count(*) FILTER (WHERE status = 'failed') {within} - count(*) FILTER (WHERE status = 'failed') {later}
        - (status = 'failed')::int
    END AS {owner}_failures_{window},
    CASE WHEN {owner} IS NOT NULL THEN
        (coalesce(sum(cents) {within}, 0) - coalesce(sum(cents) {later}, 0)) / 100.0
    END AS {owner}_amount_{window}"""


def velocity(owner: str) -> str:
    frames = ",\n".join(
        f"\"{window}\" AS (PARTITION BY {owner} ORDER BY at RANGE BETWEEN interval '{span}' PRECEDING AND CURRENT ROW)"
        for window, span in SPANS.items()
    )
    columns = ",".join(_four(owner, window) for window in SPANS)
    return f"""
SELECT id, {columns}
FROM told
WINDOW later AS (PARTITION BY {owner}, at ORDER BY key ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING),
{frames}
"""
