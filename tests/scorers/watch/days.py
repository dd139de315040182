"""Days of decided payments, written at once: what a watch reads."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from django.db import connection

from apps.compliance.models import Tenant
from apps.fraud.engine.features.catalogue import VERSION
from apps.fraud.engine.features.feature import Value
from apps.fraud.models import ActiveScorer, Scorer
from apps.fraud.scorers.drift import baseline_of
from apps.fraud.scorers.scorer import Scorer as Loaded
from apps.fraud.scorers.trained import Trained
from apps.fraud.services.catalogues import catalogue_note
from apps.fraud.services.decisions_store import pack_row
from apps.payments.services.partitions import payment_partitions_ensure
from tests.factories import make_customer, make_method
from tests.scorers.small import NOON, small_rows, small_scorer, small_trained

Row = list[Value]
DAY = date(2025, 12, 8)
MORNING = datetime(2025, 12, 9, 6, 0, tzinfo=UTC)
A_DAY = 520  # a few more than it takes to compare
_numbers = itertools.count(1)


@cache
def watchable() -> Trained:
    """The small scorer, with what it was trained on on record."""
    trained = small_trained()
    loaded = Loaded(trained.artefact)
    matrix = loaded.matrix(small_rows(3_000, seed=21)[0])
    baseline = baseline_of(matrix, loaded.header.columns, loaded.matrix_probabilities(matrix))
    return replace(trained, baseline=baseline, label_delay_days=0.0)


def champion(tenant: Tenant, *, shadows: Sequence[int] = (), **changed: Any) -> Scorer:
    scorer = small_scorer(tenant, trained=replace(watchable(), **changed))
    Scorer.objects.filter(pk=scorer.pk).update(stage="champion")
    ActiveScorer.objects.create(tenant=tenant, scorer=scorer, shadows=list(shadows), version=1, changed_at=NOON)
    return scorer


def scores_of(rows: Sequence[Row]) -> list[float]:
    return Loaded(watchable().artefact).probabilities(rows)


def decided(
    tenant: Tenant, day: date, rows: Sequence[Row], *, by: Scorer | None, scores: Sequence[float] | None = None,
    alerts: int = 0, truth: Sequence[bool] | None = None, on_trial: Scorer | None = None,
) -> list[int]:  # fmt: skip
    """`alerts` of the first payments; `truth` is known the next day. `by` nobody: rules decided."""
    start = datetime.combine(day, time(8), UTC)
    payment_partitions_ensure(first=day, last=day)
    catalogue_note(now=start)
    said = list(scores if scores is not None else scores_of(rows))
    references = _payments(tenant, start, len(rows))
    _decisions(tenant, start, references, rows, said, by)
    _run(ALERTS, [start, tenant.pk, references[:alerts]])
    if truth is not None:
        _run(LABELS, [start + timedelta(hours=20), tenant.pk, references, list(truth)])
    if on_trial is not None:
        _run(TRIAL, [tenant.pk, on_trial.pk, start, references, said])
    return references


# One statement a table: row by row, the tests would spend their time here.
REFERENCES = """INSERT INTO payments_paymentreference (tenant_id, external_id, attempted_at)
SELECT %s, 'W' || %s || '-' || n, %s + n * interval '1 second' FROM generate_series(1, %s) n RETURNING id"""
PAYMENTS = """INSERT INTO payments_payment (id, tenant_id, attempted_at, customer_id, status_id, initial_status_id,
    amount, currency_id, method_id, payment_country, failure_code, recorded_by)
SELECT id, tenant_id, attempted_at, %s, 'pending', 'pending', 10, 'EUR', %s, 'FR', '', 'test'
FROM payments_paymentreference WHERE id = ANY(%s)"""
DECISIONS = """INSERT INTO fraud_decision (payment_id, tenant_id, decided_at, outcome, score, points, scorer_version,
    degraded, source, trace_id, latency_us, timings, catalogue_version, features, inputs, judgement)
SELECT one.id, %s, %s, 0, one.score, 0, %s, false, 'stream', '', 1, '{0,0,0,0,0}', %s, one.features, one.inputs, '{}'
FROM unnest(%s::bigint[], %s::float8[], %s::bytea[], %s::text[]) AS one(id, score, features, inputs)"""
ALERTS = """INSERT INTO fraud_fraudalert (tenant_id, external_id, payment_id, rule, severity, status, raised_at)
SELECT r.tenant_id, 'kvt-' || r.id, r.id, 'SCORER', 'MEDIUM', 'PENDING_REVIEW', %s FROM payments_paymentreference r
WHERE r.tenant_id = %s AND r.id = ANY(%s)"""
LABELS = """INSERT INTO fraud_fraudlabel (known_at, tenant_id, payment_id, is_fraud, source, pattern)
SELECT %s, %s, one.id, one.fraud, 'chargeback', '' FROM unnest(%s::bigint[], %s::boolean[]) AS one(id, fraud)"""
TRIAL = """INSERT INTO fraud_shadowscore (tenant_id, scorer_id, scored_at, payment_id, score)
SELECT %s, %s, %s, one.id, one.score FROM unnest(%s::bigint[], %s::float8[]) AS one(id, score)"""


def _run(sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall()) if "RETURNING" in sql else []


def _payments(tenant: Tenant, start: datetime, count: int) -> list[int]:
    customer = make_customer(tenant)
    found = [pk for (pk,) in _run(REFERENCES, [tenant.pk, next(_numbers), start, count])]
    _run(PAYMENTS, [customer.pk, make_method(customer).pk, found])
    return found


def _decisions(
    tenant: Tenant, at: datetime, payments: list[int], rows: Sequence[Row], scores: list[float], by: Scorer | None
) -> None:
    version = by.version if by else ""
    inputs = [json.dumps({"scorer_score": score if by else None}) for score in scores]
    packed = [pack_row(row) for row in rows]
    _run(DECISIONS, [tenant.pk, at, version, VERSION, payments, scores, packed, inputs])
