"""events.jsonl or events.parquet → the document store: what visitors did."""

from __future__ import annotations

import polars as pl

from apps.customers.services.behaviour import behaviour_record
from apps.payments.ingestion import columns as kind
from apps.payments.ingestion.columns import Column
from apps.payments.ingestion.staging import Merged, Run
from apps.payments.ingestion.table import Table
from apps.payments.ingestion.tables.sessions import DEVICE_KINDS

RENAMED = {"event_id": "id", "ts": "at", "event_type": "type"}


def load(run: Run, frame: pl.DataFrame) -> Merged:
    documents = frame.drop("n").rename(RENAMED).to_dicts()
    return Merged(behaviour_record(tenant_id=run.tenant_id, documents=documents).inserted)


TABLE = Table(
    name="events",
    order=200,
    required=False,
    columns=(
        Column("event_id", kind.text),
        Column("ts", kind.moment),
        Column("event_type", kind.text, limit=40),
        Column("customer_id", kind.text, optional=True),
        Column("session_id", kind.text, optional=True),
        Column("device", kind.choice, optional=True, choices=DEVICE_KINDS),
        Column("ip_hash", kind.text, optional=True, limit=128),
        Column("utm_source", kind.text, optional=True),
        Column("utm_campaign", kind.text, optional=True),
        Column("product_id", kind.text, optional=True),
        Column("cart_value", kind.amount, optional=True),
        Column("payment_id", kind.text, optional=True),
        Column("order_id", kind.text, optional=True),
    ),
    load=load,
    model="",
)
