"""An export's alerts and labels. Registered with the payments app, which loads them after its own files."""

from __future__ import annotations

from functools import partial

import polars as pl
from django.db import transaction

from apps.fraud.services.feature_state import state_forget
from apps.payments.ingestion import columns as kind
from apps.payments.ingestion.columns import Column
from apps.payments.ingestion.frames import stage_frame
from apps.payments.ingestion.staging import Merged, Run, drop_stages, execute, fetch
from apps.payments.ingestion.table import Finished, Table

# Rows of this load that feature state has not heard of.
UNTOLD = "untold"
ALERT_STAGE = (
    "n integer, alert_id text, alert_ts timestamptz, payment_id text, rule_triggered text, is_fraud_label boolean"
)
# An export says neither how urgent an alert was nor who closed it. Its label does say how it ended.
INSERT_ALERTS = """
INSERT INTO fraud_fraudalert (tenant_id, external_id, payment_id, rule, severity, status, raised_at)
SELECT %(tenant)s::bigint, s.alert_id, r.id, s.rule_triggered, 'MEDIUM',
       CASE s.is_fraud_label WHEN true THEN 'BLOCKED' WHEN false THEN 'APPROVED' ELSE 'PENDING_REVIEW' END, s.alert_ts
FROM ingest_alert s
JOIN LATERAL (SELECT * FROM payments_paymentreference
    WHERE tenant_id = %(tenant)s AND external_id = s.payment_id LIMIT 1) r ON true
ORDER BY s.n
ON CONFLICT (tenant_id, external_id) DO NOTHING
"""
INSERT_LABELS = """
INSERT INTO fraud_fraudlabel (tenant_id, payment_id, is_fraud, source, pattern, known_at)
SELECT %(tenant)s::bigint, r.id, s.is_fraud, 'export', coalesce(nullif(s.pattern, 'none'), ''),
       s.label_ts
FROM (SELECT DISTINCT ON (payment_id) * FROM ingest_label ORDER BY payment_id, n) s
JOIN LATERAL (SELECT * FROM payments_paymentreference
    WHERE tenant_id = %(tenant)s AND external_id = s.payment_id LIMIT 1) r ON true
ON CONFLICT (payment_id, source) DO NOTHING
"""
UNKNOWN_PAYMENT = """
SELECT s.n, 'payment_id ' || s.payment_id || ' is not a known payment.' FROM {stage} s
WHERE NOT EXISTS (
    SELECT FROM payments_paymentreference r WHERE r.tenant_id = %(tenant)s AND r.external_id = s.payment_id)
"""
FLAGS = "CREATE TEMPORARY TABLE IF NOT EXISTS ingest_fraud_flag (payment bigint, attempted_at timestamptz)"
NOTE_FLAGS = """
INSERT INTO ingest_fraud_flag
SELECT r.id, r.attempted_at FROM ingest_payment_file s
JOIN LATERAL (SELECT * FROM payments_paymentreference
    WHERE tenant_id = %(tenant)s AND external_id = s.payment_id LIMIT 1) r ON true
WHERE s.is_fraud_label
"""
# payments.csv says that a payment was a fraud, not since when that was known: its alert's time when it has one,
# else thirty days, by when most cardholders have read their statement. A label with its own time stands above both.
LABELS_FROM_FLAGS = """
INSERT INTO fraud_fraudlabel (tenant_id, payment_id, is_fraud, source, pattern, known_at)
SELECT DISTINCT ON (f.payment) %(tenant)s::bigint, f.payment, true, 'export', '',
       coalesce(a.raised_at, f.attempted_at + interval '30 days')
FROM ingest_fraud_flag f
LEFT JOIN fraud_fraudalert a ON a.payment_id = f.payment
ORDER BY f.payment, a.raised_at
ON CONFLICT (payment_id, source) DO NOTHING
"""


def after_payments(run: Run) -> None:
    execute(FLAGS)
    execute(NOTE_FLAGS, run.values())
    run.counted[UNTOLD] += fetch("SELECT count(*) FROM ingest_payment_made")[0][0]


def labels_from_flags(run: Run) -> Finished:
    execute(FLAGS)
    run.counted[UNTOLD] += execute(LABELS_FROM_FLAGS, run.values())
    drop_stages("ingest_fraud_flag")
    return tell_state(run)


def tell_state(run: Run) -> Finished:
    """A history came in by a door that feature state does not watch: it learns everything anew, by its job."""
    if run.counted[UNTOLD]:
        # After the commit: a rebuild that began before it would not see these rows, and call itself whole.
        transaction.on_commit(partial(state_forget, tenant_id=run.tenant_id))
        run.counted[UNTOLD] = 0
    return Finished()


def load_alerts(run: Run, frame: pl.DataFrame) -> Merged:
    stage_frame("ingest_alert", ALERT_STAGE, frame.drop("customer_id", "session_id", "amount"))
    loaded = execute(INSERT_ALERTS, run.values())
    return Merged(loaded, _unknown_payments("ingest_alert", run))


def load_labels(run: Run, frame: pl.DataFrame) -> Merged:
    columns = "n integer, payment_id text, pattern text, label_ts timestamptz, is_fraud boolean"
    stage_frame("ingest_label", columns, frame.drop("customer_id"))
    loaded = execute(INSERT_LABELS, run.values())
    run.counted[UNTOLD] += loaded
    return Merged(loaded, _unknown_payments("ingest_label", run))


def _unknown_payments(stage: str, run: Run) -> list[tuple[int, str]]:
    return [(n, fault) for n, fault in fetch(UNKNOWN_PAYMENT.format(stage=stage), run.values())]


TABLES = (
    Table(
        name="fraud_alerts",
        order=100,
        columns=(
            Column("alert_id", kind.text),
            Column("alert_ts", kind.moment),
            Column("payment_id", kind.text),
            Column("customer_id", kind.text, optional=True),
            Column("session_id", kind.text, optional=True),
            Column("amount", kind.amount, optional=True),
            Column("rule_triggered", kind.text),
            Column("is_fraud_label", kind.flag, optional=True),
        ),
        load=load_alerts,
        finish=labels_from_flags,
        model="fraud.FraudAlert",
    ),
    Table(
        name="fraud_labels",
        order=110,
        required=False,
        columns=(
            Column("payment_id", kind.text),
            Column("customer_id", kind.text, optional=True),
            Column("pattern", kind.text, optional=True, limit=32),
            Column("label_ts", kind.moment),
            Column("is_fraud", kind.flag),
        ),
        load=load_labels,
        finish=tell_state,
        model="fraud.FraudLabel",
    ),
)
