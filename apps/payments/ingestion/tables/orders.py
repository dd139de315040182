"""orders.csv → orders. The statements serve the orders topic too, see services/orders.py."""

from __future__ import annotations

import polars as pl

from apps.payments.events import MINOR_UNITS
from apps.payments.ingestion import columns as kind
from apps.payments.ingestion.columns import Column
from apps.payments.ingestion.frames import stage_frame
from apps.payments.ingestion.orders_merge import STAGE, STAGE_COLUMNS, merge_orders
from apps.payments.ingestion.staging import Merged, Run
from apps.payments.ingestion.table import Table


def load(run: Run, frame: pl.DataFrame) -> Merged:
    stage_frame(STAGE, STAGE_COLUMNS, frame)
    return merge_orders(run, complete=True)


TABLE = Table(
    name="orders",
    order=80,
    columns=(
        Column("order_id", kind.text),
        Column("customer_id", kind.text),
        Column("session_id", kind.text, optional=True),
        Column("payment_id", kind.text, optional=True),
        Column("order_ts", kind.moment),
        Column("total_amount", kind.amount),
        Column("currency", kind.choice, choices=tuple(MINOR_UNITS)),
        Column("shipping_method", kind.text, optional=True, limit=32),
        Column("status", kind.choice, choices=("pending", "paid", "blocked", "shipped", "cancelled", "refunded")),
    ),
    load=load,
    model="payments.Order",
)
