"""The oracle's answer for every stored payment of a tenant."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import connection

from tests.engine.oracle.distinct import customers_of, distinct_of_customer
from tests.engine.oracle.habits import HABITS
from tests.engine.oracle.known import FRAUDS, MERCHANTS
from tests.engine.oracle.payment import PAYMENT, PLACE
from tests.engine.oracle.risk import LARGE, RUNS
from tests.engine.oracle.told import TOLD, rates
from tests.engine.oracle.velocity import velocity
from tests.engine.oracle.visits import VISITS

Row = dict[str, Any]
FAMILIES = (
    PAYMENT,
    PLACE,
    *(velocity(owner) for owner in ("customer", "device", "card", "ip")),
    distinct_of_customer(),
    *(customers_of(owner) for owner in ("device", "card", "ip")),
    HABITS,
    MERCHANTS,
    FRAUDS,
    RUNS,
    LARGE,
    VISITS,
)


def oracle_rows(tenant_id: int) -> dict[str, Row]:
    """By the payment's external id, then by the feature's name."""
    rows: dict[str, Row] = {}
    with connection.cursor() as cursor:
        for family in FAMILIES:
            cursor.execute(
                f"WITH rate (currency, per_euro) AS (VALUES {rates()}), {TOLD} {family}", {"tenant": tenant_id}
            )
            names = [column.name for column in cursor.description]
            for values in cursor.fetchall():
                told = dict(zip(names, map(_plain, values), strict=True))
                row = rows.setdefault(told.pop("id"), {})
                assert not row.keys() & told.keys(), "two families answer for one feature"
                row |= told
    return rows


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value
