"""What was decided on a payment and all it was decided from; what waits to be told to others; answers to repeat."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, PERSONAL, TenantForeignKey, TenantModel
from apps.payments.models import PaymentReference


class Decision(TenantModel):
    """One a payment, for ever: a trigger refuses changes. `inputs` and `features` are what a replay needs."""

    class Outcome(models.IntegerChoices):
        ALLOW = 0, _("Allow")
        CHALLENGE = 1, _("Challenge")
        DENY = 2, _("Deny")

    payment = models.OneToOneField(
        PaymentReference,
        on_delete=models.PROTECT,
        primary_key=True,
        db_constraint=False,
        related_name="decision",
        verbose_name=_("payment"),
        help_text="The payment decided on; a payment has one decision.",
    )  # the constraint is in apps/fraud/schema.py: payment and tenant together
    decided_at = models.DateTimeField(_("decided at"), help_text="When, by our clock.")
    outcome = models.PositiveSmallIntegerField(
        _("outcome"), choices=Outcome.choices, help_text="0 allow, 1 challenge, 2 deny."
    )
    score = models.FloatField(_("score"), help_text="From 0 to 1.")
    points = models.IntegerField(_("points"), help_text="Sum of the points of the rules that hit.")
    ruleset_number = models.IntegerField(_("rule set"), null=True, help_text="Number of the rule set used.")
    scorer_version = models.CharField(
        _("scorer"), max_length=64, blank=True, default="", help_text="Scorer used; empty when rules decided alone."
    )
    degraded = models.BooleanField(_("degraded"), help_text="Something the decision leans on did not answer.")
    source = models.CharField(_("source"), max_length=16, help_text="Path that asked: api, stream, batch.")
    trace_id = models.CharField(_("trace"), max_length=32, blank=True, default="", help_text="Trace id of the act.")
    latency_us = models.IntegerField(_("time taken"), help_text="Microseconds from the request to the decision.")
    timings = ArrayField(
        models.IntegerField(),
        verbose_name=_("timings"),
        help_text="Microseconds of each step: record, state, features, rules, scorer.",
    )
    catalogue_version = models.CharField(
        _("feature catalogue"), max_length=12, help_text="Which features the row holds, in which order."
    )
    features = models.BinaryField(_("feature row"), help_text="Values in catalogue order, as MessagePack.")
    inputs = models.TextField(_("inputs"), help_text="Hits, lists, policy and states that were combined, as JSON.")
    judgement = models.TextField(_("judgement"), help_text="Outcome, score, parts and reasons, as JSON.")

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            [
                "tenant", "payment", "decided_at", "outcome", "score", "points", "ruleset_number", "scorer_version",
                "degraded", "source", "trace_id", "latency_us", "timings", "catalogue_version", "inputs", "judgement",
            ],
            NONE,
        ),
        "features": PERSONAL,
    }  # fmt: skip
    RETENTION: ClassVar[str] = "5 years"

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ["-payment_id"]
        indexes = [
            models.Index(
                fields=["tenant", "-payment"], name="decision_above_allow", condition=Q(outcome__gt=0)
            ),  # the doubtful few, newest first; all of them go by the primary key
            BrinIndex(fields=["decided_at"], name="decision_period", pages_per_range=32),
        ]

    def __str__(self) -> str:
        return f"dec_{self.payment_id}"


class Outbox(TenantModel):
    """What is to be published once the transaction that wrote it is committed. Gone when the topic has it."""

    topic = models.CharField(_("topic"), max_length=64, help_text="Where to.")
    messages = models.BinaryField(_("messages"), help_text="List of (key, value, trace), as MessagePack.")
    created_at = models.DateTimeField(_("created at"), help_text="When.")

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(["id", "tenant", "topic", "created_at"], NONE),
        "messages": PERSONAL,
    }
    RETENTION: ClassVar[str] = "until published"

    class Meta:
        verbose_name = _("message to publish")
        verbose_name_plural = _("messages to publish")
        indexes = [models.Index(fields=["topic", "id"], name="outbox_lane")]

    def __str__(self) -> str:
        return f"{self.topic} {self.pk}"


class StateDebt(TenantModel):
    """A payment that feature state should have heard of and could not: it is told when Redis is back."""

    payment = TenantForeignKey(
        PaymentReference,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("payment"),
        help_text="Recorded, or moved, while feature state was away.",
    )
    since = models.DateTimeField(_("since"), help_text="When.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["id", "tenant", "payment", "since"], NONE)
    RETENTION: ClassVar[str] = "until Redis is back"

    class Meta:
        verbose_name = _("payment to tell feature state")
        verbose_name_plural = _("payments to tell feature state")

    def __str__(self) -> str:
        return str(self.payment_id)


class IdempotencyRecord(TenantModel):
    """The answer to a request that carried an Idempotency-Key, to be given again byte for byte."""

    key = models.CharField(_("key"), max_length=255, help_text="The sender's Idempotency-Key.")
    request_hash = models.BinaryField(_("request hash"), help_text="SHA-256 of the operation and its body.")
    status = models.PositiveSmallIntegerField(_("status"), help_text="HTTP status of the answer.")
    answer = models.BinaryField(_("answer"), help_text="Body of the answer.")
    created_at = models.DateTimeField(_("created at"), help_text="When.")

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(["id", "tenant", "key", "request_hash", "status", "created_at"], NONE),
        "answer": PERSONAL,
    }
    RETENTION: ClassVar[str] = "7 days"

    class Meta:
        verbose_name = _("answered request")
        verbose_name_plural = _("answered requests")
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="idempotency_key_once_per_tenant")]
        indexes = [BrinIndex(fields=["created_at"], name="idempotency_age", pages_per_range=16)]

    def __str__(self) -> str:
        return self.key
