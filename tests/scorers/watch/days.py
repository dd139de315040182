"""Days of decided payments, written at once: what a watch reads."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np

from apps.compliance.models import Tenant
from apps.fraud.engine.features.catalogue import VERSION
from apps.fraud.engine.features.feature import Value
from apps.fraud.models import ActiveScorer, Decision, FraudAlert, FraudLabel, Scorer, ShadowScore
from apps.fraud.scorers.drift import baseline_of
from apps.fraud.scorers.scorer import Scorer as Loaded
from apps.fraud.scorers.trained import Trained
from apps.fraud.services.catalogues import catalogue_note
from apps.fraud.services.decisions_store import pack_row
from apps.payments.models import Payment, PaymentReference
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


def champion(tenant: Tenant, *, shadows: Sequence[int] = ()) -> Scorer:
    scorer = small_scorer(tenant, trained=watchable())
    Scorer.objects.filter(pk=scorer.pk).update(stage="champion")
    ActiveScorer.objects.create(tenant=tenant, scorer=scorer, shadows=list(shadows), version=1, changed_at=NOON)
    return scorer


def scores_of(rows: Sequence[Row]) -> list[float]:
    return Loaded(watchable().artefact).probabilities(rows)


def decided(
    tenant: Tenant, day: date, rows: Sequence[Row], *, by: Scorer | None, scores: Sequence[float] | None = None,
    alerts: int = 0, truth: Sequence[bool] | None = None, on_trial: Scorer | None = None,
) -> list[PaymentReference]:  # fmt: skip
    """`alerts` of the first payments; `truth` is known the next day. `by` nobody: rules decided."""
    start = datetime.combine(day, time(8), UTC)
    payment_partitions_ensure(first=day, last=day)
    catalogue_note(now=start)
    said = list(scores if scores is not None else scores_of(rows))
    references = _payments(tenant, start, len(rows))
    Decision.objects.bulk_create(
        _decision(tenant, one, row, score, by) for one, row, score in zip(references, rows, said, strict=True)
    )
    FraudAlert.objects.bulk_create(
        FraudAlert(tenant=tenant, payment=one, external_id=f"kvt-{one.pk}", rule="SCORER", raised_at=start)
        for one in references[:alerts]
    )
    if truth is not None:
        known = start + timedelta(hours=20)
        FraudLabel.objects.bulk_create(
            FraudLabel(tenant=tenant, payment=one, is_fraud=fraud, source="chargeback", known_at=known)
            for one, fraud in zip(references, truth, strict=True)
        )
    if on_trial is not None:
        ShadowScore.objects.bulk_create(
            ShadowScore(tenant=tenant, payment=one, scorer=on_trial, score=score, scored_at=start)
            for one, score in zip(references, said, strict=True)
        )
    return references


def _payments(tenant: Tenant, start: datetime, count: int) -> list[PaymentReference]:
    customer = make_customer(tenant)
    method = make_method(customer)
    references: list[PaymentReference] = PaymentReference.objects.bulk_create(
        PaymentReference(tenant=tenant, external_id=f"W{next(_numbers):07d}", attempted_at=start + timedelta(seconds=n))
        for n in range(count)
    )
    Payment.objects.bulk_create(
        Payment(
            tenant=tenant, reference=one, attempted_at=one.attempted_at, customer=customer, method=method,
            amount=Decimal(10), currency_id="EUR", payment_country="FR", recorded_by="test", status_id="pending",
            initial_status_id="pending",
        )
        for one in references
    )  # fmt: skip
    return references


def _decision(tenant: Tenant, payment: PaymentReference, row: Row, score: float, by: Scorer | None) -> Decision:
    inputs: dict[str, Any] = {"scorer_score": score if by else None}
    return Decision(
        tenant=tenant, payment=payment, decided_at=payment.attempted_at, outcome=0, score=score, points=0,
        scorer_version=by.version if by else "", degraded=False, source="stream", latency_us=1, timings=[0] * 5,
        catalogue_version=VERSION, features=pack_row(row), inputs=json.dumps(inputs), judgement="{}",
    )  # fmt: skip


def shuffled(rows: Sequence[Row], seed: int) -> list[Row]:
    order = np.random.default_rng(seed).permutation(len(rows))
    return [list(rows[n]) for n in order]
