"""Orders as the topic tells them, with their lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from apps.payments.events import OrderEvent
from apps.payments.ingestion.orders_merge import STAGE, STAGE_COLUMNS, early_orders, merge_orders
from apps.payments.ingestion.staging import Run, execute, fetch, stage_rows

LINE_STAGE = "ingest_order_line"
LINE_COLUMNS = "n integer, order_id text, line integer, product_id text, quantity integer, unit_price numeric(14, 3)"
UNKNOWN_PRODUCTS = """
SELECT DISTINCT ON (s.n) s.n, 'product_id ' || s.product_id || ' is not a known product. Load the product first.'
FROM ingest_order_line s
WHERE NOT EXISTS (SELECT FROM payments_product p WHERE p.tenant_id = %(tenant)s AND p.external_id = s.product_id)
ORDER BY s.n, s.line
"""
# Lines come with the order or not at all: those of an order that has some stay as they are.
LINES = """
INSERT INTO payments_orderitem (tenant_id, order_id, line, product_id, quantity, unit_price)
SELECT %(tenant)s::bigint, o.id, s.line, p.id, s.quantity, coalesce(s.unit_price, p.unit_price)
FROM ingest_order_line s
JOIN LATERAL (SELECT * FROM payments_order
    WHERE tenant_id = %(tenant)s AND external_id = s.order_id LIMIT 1) o ON true
JOIN LATERAL (SELECT * FROM payments_product
    WHERE tenant_id = %(tenant)s AND external_id = s.product_id LIMIT 1) p ON true
WHERE NOT EXISTS (SELECT FROM payments_orderitem i WHERE i.order_id = o.id)
ORDER BY s.n, s.line
ON CONFLICT (order_id, line) DO NOTHING
"""


@dataclass(frozen=True)
class OrderResult:
    new: int = 0
    repeated: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)
    rejected_at: list[int] = field(default_factory=list)
    early_at: list[int] = field(default_factory=list)
    """Positions of orders whose payment has not come yet; only with `wait_for_payments`."""


def orders_record(
    *,
    tenant_id: int,
    events: Sequence[OrderEvent],
    source: str,
    now: datetime,
    wait_for_payments: bool = False,
) -> OrderResult:
    """Record orders with their lines, all or none; repeating a call changes nothing."""
    run = Run(tenant_id, source, now)
    faults = {n: fault for n, event in enumerate(events) if (fault := event.ahead_fault(now))}
    with transaction.atomic():
        stage_rows(LINE_STAGE, LINE_COLUMNS, _lines(events, faults))
        faults |= dict(fetch(UNKNOWN_PRODUCTS, run.values()))
        stage_rows(STAGE, STAGE_COLUMNS, _rows(events, faults))
        merged = merge_orders(run, complete=False, wait=wait_for_payments)
        early = early_orders()
        execute(LINES, run.values())
    faults |= dict(merged.faults)
    rejected = [(events[n].order_id, fault) for n, fault in sorted(faults.items())]
    repeated = len(events) - merged.loaded - len(faults) - len(early)
    return OrderResult(merged.loaded, repeated, rejected, sorted(faults), early)


def _rows(events: Sequence[OrderEvent], faults: dict[int, str]) -> Iterator[tuple[Any, ...]]:
    for n, event in enumerate(events):
        if n not in faults:
            yield (
                n, event.order_id, event.customer_id, event.session_id, event.payment_id, event.placed_at,
                Decimal(event.total), event.currency, event.shipping_method, event.status,
            )  # fmt: skip


def _lines(events: Sequence[OrderEvent], faults: dict[int, str]) -> Iterator[tuple[Any, ...]]:
    for n, event in enumerate(events):
        for line, item in enumerate(event.items if n not in faults else (), start=1):
            price = Decimal(item.unit_price) if item.unit_price else None
            yield n, event.order_id, line, item.product_id, item.quantity, price
