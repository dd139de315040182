"""Stored decisions on payments with known truths, made in bulk for tests of what rests on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from apps.compliance.models import Tenant
from apps.fraud.engine.decide import Inputs, ListHit, Policy, RuleHit, decide, judgement_bytes
from apps.fraud.engine.features.catalogue import CATALOGUE, INDEX, VERSION
from apps.fraud.engine.features.feature import Value
from apps.fraud.models import Decision, FeatureCatalogue, FraudLabel
from apps.fraud.scorers.scorer import Scorer as Loaded
from apps.fraud.services.decisions_store import inputs_text, pack_row
from apps.payments.models import Payment, PaymentReference
from apps.payments.services.partitions import payment_partitions_ensure
from tests.factories import make_customer, make_method
from tests.scorers.small import NOON, small_rows

POLICY = Policy()
RULE = RuleHit("NEW_DEVICE", 1, 40, "", "MEDIUM", "Appareil nouveau", "New device")
BLOCKED = ListHit("blocked", "deny", False, 1, "Sur la liste", "On the list")
LET_IN = ListHit("trusted", "allow", True, 2, "Sur la liste", "On the list")


def decided(
    tenant: Tenant,
    *,
    ends: datetime,
    count: int = 300,
    days: float = 10,
    seed: int = 3,
    labelled: bool = True,
    lists: Sequence[ListHit | None] = (),
    scorer: Loaded | None = None,
    scorer_version: str = "",
    policy: Policy = POLICY,
    catalogue: Sequence[str] = tuple(INDEX),
) -> tuple[list[int], list[list[Value]], list[bool]]:
    """Evenly over the days before `ends`; a new device is 40 points. `scorer` decided with the rules, if given."""
    rows, truth = small_rows(count, seed=seed)
    moments = [ends - timedelta(days=days) * (1 - (n + 1) / count) for n in range(count)]
    payment_partitions_ensure(first=moments[0].date(), last=ends.date())
    ids = _payments(tenant, moments)
    scores = scorer.probabilities(rows) if scorer else [None] * count
    made = []
    for n, (pk, row, at) in enumerate(zip(ids, rows, moments, strict=True)):
        row[INDEX["failed"]] = False
        listed = lists[n] if n < len(lists) else None
        inputs = Inputs(
            policy=policy,
            at=int(at.timestamp() * 1_000_000),
            rules=(RULE,) if row[INDEX["new_device"]] else (),
            lists=(listed,) if listed else (),
            scorer="none" if scorer is None else "ok",
            scorer_score=scores[n],
        )
        made.append(_decision(tenant, pk, at, row, inputs, scorer_version, catalogue))
    Decision.objects.bulk_create(made)
    if labelled:
        FraudLabel.objects.bulk_create(
            FraudLabel(tenant=tenant, payment_id=pk, is_fraud=fraud, source="analyst", known_at=ends)
            for pk, fraud in zip(ids, truth, strict=True)
        )
    return ids, rows, truth


def catalogue_of(names: Sequence[str]) -> str:
    """Its version; on record, if it is not today's."""
    if list(names) == list(INDEX):
        return VERSION
    columns = "\n".join(f"{name} {CATALOGUE[name].kind}" for name in names)
    version = sha256(columns.encode()).hexdigest()[:12]
    FeatureCatalogue.objects.get_or_create(version=version, defaults={"columns": columns, "first_used_at": NOON})
    return version


def _payments(tenant: Tenant, moments: Sequence[datetime]) -> list[int]:
    customers = [make_customer(tenant) for _n in range(5)]
    methods = [make_method(one) for one in customers]
    base = PaymentReference.objects.count()
    references = PaymentReference.objects.bulk_create(
        PaymentReference(tenant=tenant, external_id=f"PAYD{base + n:06d}", attempted_at=at)
        for n, at in enumerate(moments)
    )
    Payment.objects.bulk_create(
        Payment(
            tenant=tenant, reference=reference, attempted_at=at, customer=customers[n % 5], method=methods[n % 5],
            status_id="success", initial_status_id="success", amount=Decimal("42.50"), currency_id="EUR",
            payment_country="FR", recorded_by="test",
        )
        for n, (reference, at) in enumerate(zip(references, moments, strict=True))
    )  # fmt: skip
    return [reference.pk for reference in references]


def _decision(
    tenant: Tenant, pk: int, at: datetime, row: list[Value], inputs: Inputs, version: str, catalogue: Sequence[str]
) -> Decision:
    judgement = decide(inputs)
    return Decision(
        tenant=tenant,
        payment_id=pk,
        decided_at=at,
        outcome=int(judgement.result),
        score=judgement.score,
        points=judgement.points,
        scorer_version=version,
        degraded=False,
        source="api",
        latency_us=1,
        timings=[1],
        catalogue_version=catalogue_of(catalogue),
        features=pack_row([row[INDEX[name]] for name in catalogue]),
        inputs=inputs_text(inputs),
        judgement=judgement_bytes(judgement).decode(),
    )
