"""Every model's pages, and an object of the world on each."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from apps.compliance.models import ApiKey, AuditEntry, User
from apps.compliance.services.api_keys import api_key_create
from apps.fraud.models import AnomalyDetector, OperationalAlert, ScorerChange, ScorerWatch
from apps.payments.models import Currency, PaymentStatus, PaymentTransition
from kivendtout.lib import clock
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.anomalies import payment_anomaly
from tests.admin.world import World
from tests.scorers.small import small_scorer

OWNED = ("customer", "address", "device", "session", "consent", "method", "merchant", "product", "payment", "change",
         "order", "alert", "label", "fraud_list", "list_entry", "rule", "ruleset",
         "decision", "dead_letter")  # fmt: skip
# What the product records; nobody edits it, superusers included.
HISTORY = ("customer", "address", "device", "session", "consent", "method", "payment", "change", "order", "label",
           "dead_letter")  # fmt: skip


def place(model_or_object: object) -> str:
    meta = model_or_object._meta  # type: ignore[attr-defined]
    return f"admin:{meta.app_label}_{meta.model_name}"


def list_url(model: object) -> str:
    return reverse(f"{place(model)}_changelist")


def add_url(model: object) -> str:
    return reverse(f"{place(model)}_add")


def object_url(row: object, page: str = "change") -> str:
    return reverse(f"{place(row)}_{page}", args=[row.pk])  # type: ignore[attr-defined]


def audit_entry(world: World, actor: User) -> AuditEntry:
    kind = ContentType.objects.get_for_model(world.merchant)
    return AuditEntry.objects.create(
        content_type=kind, object_pk=str(world.merchant.pk), object_id=world.merchant.pk, object_repr="M001",
        action=AuditEntry.Action.UPDATE, changes={"name": ["a", "b"]}, actor=actor, actor_email=actor.email,
        tenant=world.tenant, cid="0" * 32, address_hash="hashed-address",
    )  # fmt: skip


def api_key(world: World) -> ApiKey:
    made, _key = api_key_create(tenant_id=world.tenant.pk, name="Checkout", now=clock.now())
    return made


def anomaly_detector(world: World) -> AnomalyDetector:
    with tenant_scope(world.tenant.pk):
        return AnomalyDetector.objects.create(kind="payment", daily_budget=20)


def watched(world: World) -> list[object]:
    """A scorer that is proposed, its day, and an alert about it."""
    with tenant_scope(world.tenant.pk):
        scorer = small_scorer(world.tenant)
        moment = clock.now()
        findings: dict[str, object] = {"out": [], "labels": {}, "features": {}}
        day = ScorerWatch.objects.create(
            scorer=scorer, day=moment.date(), payments=0, alerts=0, findings=findings, made_at=moment
        )
        alert = OperationalAlert.objects.create(
            kind="drift", scorer=scorer, facts={}, raised_at=moment, last_at=moment
        )  # fmt: skip
        change = ScorerChange.objects.create(
            kind="promote", state="open", scorer=scorer, before={"scorer": None}, statement={"source": "nothing"},
            after={"scorer": 1, **scorer.operating}, asked_at=moment,
        )  # fmt: skip
        return [scorer, change, day, alert]


def one_of_each(world: World, actor: User) -> dict[str, object]:
    """Every registered model's label, with a row of it that the tenant may see."""
    interval = IntervalSchedule.objects.create(every=5, period="minutes")
    rows = [
        *(getattr(world, name) for name in OWNED),
        world.tenant,
        actor,
        api_key(world),
        payment_anomaly(world),
        *watched(world),
        anomaly_detector(world),
        Group.objects.get(name="analyst"),
        audit_entry(world, actor),
        Currency.objects.get(pk="EUR"),
        PaymentStatus.objects.get(pk="success"),
        PaymentTransition.objects.get(from_status_id="pending", to_status_id="success"),
        interval,
        CrontabSchedule.objects.create(),
        PeriodicTask.objects.create(name="partitions", task="payments.make_partitions", interval=interval),
    ]
    return {row._meta.label_lower: row for row in rows}
