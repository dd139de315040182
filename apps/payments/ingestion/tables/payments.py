"""payments.csv → payments, together with what payment_details.csv told of each."""

from __future__ import annotations

import polars as pl

from apps.payments.ingestion import columns as kind
from apps.payments.ingestion import payments_sql as sql
from apps.payments.ingestion.columns import Column
from apps.payments.ingestion.frames import hashed, stage_frame
from apps.payments.ingestion.payments_merge import ensure_months, merge_payments
from apps.payments.ingestion.registry import after_payments
from apps.payments.ingestion.staging import Merged, Run, execute, fetch, open_standing
from apps.payments.ingestion.table import Table
from apps.payments.ingestion.tables import details

FILE_STAGE = """
    n integer PRIMARY KEY,
    payment_id text, customer_id text, session_id text, attempt_ts timestamptz, method text, card_bin text,
    payment_country text, ip_hash bytea, device_id text, amount numeric(14, 3), result text, is_fraud_label boolean
"""
# LATERAL with LIMIT: one look into the index per payment, and a detail that stands twice counts once.
WITH_DETAILS = """
INSERT INTO ingest_payment
SELECT s.n, s.payment_id, s.customer_id, s.attempt_ts, s.result, s.amount, coalesce(d.currency, 'EUR'), s.method,
       s.card_bin, d.last4, d.card_fingerprint, d.issuer_country, s.payment_country, s.ip_hash, s.device_id,
       d.device_kind, d.os, d.browser, d.merchant_id, CASE WHEN s.result = 'failed' THEN d.failure_code END,
       s.session_id, NULL, NULL, NULL, d.ip_country, d.billing_country, d.cart_at, d.basket_size, d.adult_restricted,
       NULL
FROM ingest_payment_file s
LEFT JOIN LATERAL (SELECT * FROM ingest_detail d WHERE d.payment_id = s.payment_id ORDER BY d.n LIMIT 1) d ON true
"""
DETAILS_USED = """
SELECT count(*) FROM ingest_payment_made JOIN ingest_payment_file s USING (n)
WHERE EXISTS (SELECT FROM ingest_detail d WHERE d.payment_id = s.payment_id)
"""


def before(run: Run, frame: pl.DataFrame) -> None:
    ensure_months(set(frame["attempt_ts"].dt.date().unique()))
    if not run.counted["payment chunks"]:
        details.ready(run)
    run.counted["payment chunks"] += 1


def load(run: Run, frame: pl.DataFrame) -> Merged:
    stage_frame("ingest_payment_file", FILE_STAGE, frame)
    open_standing(sql.STAGES, len(frame))
    execute(WITH_DETAILS)
    merged = merge_payments(run)
    run.counted["details"] += fetch(DETAILS_USED)[0][0]
    for follow in after_payments():
        follow(run)
    return Merged(len(merged.new) + len(merged.changed), merged.faults)


def prepare(good: pl.DataFrame) -> pl.DataFrame:
    return good.with_columns(hashed("ip", good["ip_hash"]).alias("ip_hash"))


TABLE = Table(
    name="payments",
    order=70,
    columns=(
        Column("payment_id", kind.text),
        Column("customer_id", kind.text),
        Column("session_id", kind.text, optional=True),
        Column("attempt_ts", kind.moment),
        Column("method", kind.choice, choices=("card", "paypal", "apple_pay", "google_pay", "bank_transfer")),
        Column("card_bin", kind.card_bin, optional=True),
        Column("payment_country", kind.country, optional=True),
        Column("ip_hash", kind.text, optional=True, limit=128),
        Column("device_id", kind.text, optional=True),
        Column("amount", kind.amount),
        Column("result", kind.choice, choices=("success", "failed", "pending")),
        Column("is_fraud_label", kind.flag, optional=True),
    ),
    before=before,
    prepare=prepare,
    load=load,
    model="payments.Payment",
)
