"""Stored decisions in which a small scorer had its part: rows as it learned from, judged and kept as live ones are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from apps.compliance.models import Tenant
from apps.fraud.engine.decide import Inputs, Policy, RuleHit, decide, judgement_bytes
from apps.fraud.engine.features.catalogue import INDEX, VERSION
from apps.fraud.engine.features.feature import Value
from apps.fraud.models import Decision, FraudAlert
from apps.fraud.models import Scorer as ScorerRow
from apps.fraud.scorers.scorer import Scorer
from apps.fraud.services.decisions_store import inputs_text, pack_row
from tests.factories import make_payment
from tests.fraud.explain.cast import AT
from tests.scorers.small import NOON, small_rows, small_trained

POLICY = Policy(challenge=0.15, deny=0.45, scorer_weight=0.8)


def fraud_row(place: int = 0, **values: Value) -> list[Value]:
    """One of the rows most like a fraud, with a payment's own amount beside that in euros."""
    rows, truth = small_rows(400, seed=3)
    frauds = [row for row, fraud in zip(rows, truth, strict=True) if fraud]
    scores = Scorer(small_trained().artefact).probabilities(frauds)
    ordered = sorted(range(len(frauds)), key=lambda n: (-scores[n], n))
    return with_values(frauds[ordered[place]], **values)


def with_values(row: list[Value], **values: Value) -> list[Value]:
    made = list(row)
    told = {"amount": row[INDEX["amount_eur"]], "currency": "EUR", "first_payment": False, "previous_payments": 14}
    for name, value in (told | values).items():
        made[INDEX[name]] = value
    return made


def decided(
    tenant: Tenant, scorer: ScorerRow | None, row: list[Value], *, rules: tuple[RuleHit, ...] = (), **fields: Any
) -> Decision:
    """In the tenant in force."""
    probability = Scorer(small_trained().artefact).probabilities([row])[0] if scorer else None
    inputs = Inputs(policy=POLICY, at=AT, rules=rules, scorer="ok" if scorer else "none", scorer_score=probability)
    inputs = msgspec.structs.replace(inputs, **fields.pop("inputs", {}))
    judgement = decide(inputs)
    values: dict[str, Any] = {
        "decided_at": NOON, "outcome": int(judgement.result), "score": judgement.score, "points": judgement.points,
        "ruleset_number": None, "scorer_version": scorer.version if scorer else "", "degraded": False, "source": "api",
        "latency_us": 4321, "timings": [1, 2, 3, 4, 5], "catalogue_version": VERSION, "features": pack_row(row),
        "inputs": inputs_text(inputs), "judgement": judgement_bytes(judgement).decode(),
    }  # fmt: skip
    return Decision.objects.create(payment_id=make_payment(tenant).pk, **(values | fields))


def alerted(decision: Decision, *, hours_ago: float = 0) -> FraudAlert:
    return FraudAlert.objects.create(
        external_id=f"kvt-{decision.pk}", payment_id=decision.pk, rule="SCORER", severity="HIGH",
        raised_at=NOON - timedelta(hours=hours_ago),
    )  # fmt: skip
