"""How many different devices, cards … a customer used, and how many customers used those. count(DISTINCT …) is no
window function, so each payment is joined with those up to and including itself."""

from __future__ import annotations

from tests.engine.oracle.velocity import SPANS

WINDOWS = {name: span for name, span in SPANS.items() if name != "10m"}
OF_CUSTOMER = {"devices": "device", "cards": "card", "ips": "ip", "countries": "payment_country"}


def _count(what: str, span: str, name: str) -> str:
    return f"count(DISTINCT q.{what}) FILTER (WHERE q.at >= p.at - interval '{span}') AS {name}"


def distinct_of_customer() -> str:
    columns = ",\n    ".join(
        _count(column, span, f"customer_{what}_{window}")
        for what, column in OF_CUSTOMER.items()
        for window, span in WINDOWS.items()
    )
    return f"""
SELECT p.id,
    {columns}
FROM told p
JOIN told q ON q.customer = p.customer AND (q.at, q.key) <= (p.at, p.key)
GROUP BY p.id
"""


def customers_of(owner: str) -> str:
    """No row for a payment that names no such entity: all NULL."""
    columns = ",\n    ".join(
        _count("customer", span, f"{owner}_customers_{window}") for window, span in WINDOWS.items()
    )
    names = ", ".join(f"{owner}_customers_{window}" for window in WINDOWS)
    return f"""
SELECT id, {names} FROM told LEFT JOIN (
    SELECT p.id, {columns}
    FROM told p JOIN told q ON q.{owner} = p.{owner} AND (q.at, q.key) <= (p.at, p.key)
    GROUP BY p.id) counted USING (id)
"""
