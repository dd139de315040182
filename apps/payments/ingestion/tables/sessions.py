"""sessions.csv → web sessions. One before its customer's registration is accepted: exports have them."""

from __future__ import annotations

import polars as pl

from apps.payments.ingestion import columns as kind
from apps.payments.ingestion.columns import Column
from apps.payments.ingestion.frames import hashed, stage_frame
from apps.payments.ingestion.staging import Merged, Run, execute, fetch
from apps.payments.ingestion.table import Table

DEVICE_KINDS = ("web_desktop", "web_mobile", "ios", "android")
STAGE = """
    n integer, session_id text, customer_id text, start_ts timestamptz, end_ts timestamptz, device text, ip_hash bytea,
    utm_source text, utm_campaign text
"""
INSERT = """
INSERT INTO customers_websession
    (tenant_id, external_id, customer_id, device_kind, ip_hash, country, utm_source, utm_campaign, started_at, ended_at)
SELECT %(tenant)s::bigint, s.session_id, c.id, coalesce(s.device, ''), s.ip_hash, '', coalesce(s.utm_source, ''),
       coalesce(s.utm_campaign, ''), s.start_ts, s.end_ts
FROM ingest_session s
JOIN LATERAL (SELECT * FROM customers_customer
    WHERE tenant_id = %(tenant)s AND external_id = s.customer_id LIMIT 1) c ON true
ORDER BY s.n
ON CONFLICT (tenant_id, external_id) DO NOTHING
"""
FAULTS = """
SELECT s.n, 'customer_id ' || s.customer_id || ' is not a known customer.'
FROM ingest_session s
WHERE NOT EXISTS (SELECT FROM customers_customer c WHERE c.tenant_id = %(tenant)s AND c.external_id = s.customer_id)
"""


def judge(checked: pl.DataFrame) -> pl.DataFrame:
    backwards = pl.when(pl.col("end_ts") < pl.col("start_ts")).then(pl.lit("end_ts lies before start_ts."))
    return checked.with_columns(pl.coalesce("fault", backwards).alias("fault"))


def load(run: Run, frame: pl.DataFrame) -> Merged:
    stage_frame("ingest_session", STAGE, frame)
    inserted = execute(INSERT, run.values())
    # Fewer than came in: either they were there, or their customer is not.
    faults = fetch(FAULTS, run.values()) if inserted < len(frame) else []
    return Merged(inserted, [(n, fault) for n, fault in faults])


def prepare(good: pl.DataFrame) -> pl.DataFrame:
    return good.with_columns(hashed("ip", good["ip_hash"]).alias("ip_hash"))


TABLE = Table(
    name="sessions",
    order=50,
    columns=(
        Column("session_id", kind.text),
        Column("customer_id", kind.text),
        Column("start_ts", kind.moment),
        Column("end_ts", kind.moment, optional=True),
        Column("device", kind.choice, optional=True, choices=DEVICE_KINDS),
        Column("ip_hash", kind.text, optional=True, limit=128),
        Column("utm_source", kind.text, optional=True),
        Column("utm_campaign", kind.text, optional=True),
    ),
    judge=judge,
    prepare=prepare,
    load=load,
    model="customers.WebSession",
)
