"""What detectors found odd without having been told what fraud or misuse looks like. It decides nothing."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.compliance.models import User
from apps.compliance.models.base import NONE, PERSONAL, TenantForeignKey, TenantModel
from apps.payments.models import PaymentReference


class AnomalyKind(models.TextChoices):
    PAYMENT = "payment", _("Payment")
    ACCESS = "access", _("Access")
    DATABASE = "database", _("Database")


class Anomaly(TenantModel):
    """A payment unlike others, or an hour in which somebody or a database role acted unlike others and unlike itself.

    One of the same actor and period: a scan that is repeated finds it there.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        LOOKED_AT = "looked_at", _("Being looked at")
        DISMISSED = "dismissed", _("Dismissed")
        CONFIRMED = "confirmed", _("Confirmed")

    kind = models.CharField(_("kind"), max_length=8, choices=AnomalyKind.choices, help_text="What is odd.")
    actor = models.CharField(
        _("whose"),
        max_length=80,
        help_text="Number of the customer, of the colleague, beginning of the API key, hash of the address, or role.",
    )
    payment = TenantForeignKey(
        PaymentReference,
        on_delete=models.PROTECT,
        null=True,
        related_name="anomalies",
        verbose_name=_("payment"),
        help_text="The odd payment; empty for what is no payment.",
    )
    period_start = models.DateTimeField(_("from"), help_text="Day of the payment, or hour of the activity.")
    period_end = models.DateTimeField(_("to"), help_text="End of that day or hour.")
    score = models.FloatField(_("score"), help_text="Of the isolation forest: 0.4 is ordinary, 0.7 stands alone.")
    unusual = models.FloatField(_("odder than"), help_text="Share of the sample that is less odd, from 0 to 1.")
    fields = models.JSONField(
        _("what made it odd"), help_text="Fields, their values, what is usual, and a sentence in each language."
    )
    detector = models.CharField(
        _("detector"), max_length=64, help_text="Version of the fields, and digest of the forest that found it."
    )
    sample_rows = models.IntegerField(_("compared with"), help_text="Rows that the detector learned from.")
    sample_start = models.DateTimeField(_("compared from"), help_text="Where the period of those rows begins.")
    sample_end = models.DateTimeField(_("compared to"), help_text="Where it ends.")
    raised_at = models.DateTimeField(_("raised at"), help_text="When it was found.")
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.OPEN, help_text="Where its review stands."
    )
    reviewed_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("reviewed by"),
        help_text="Who looked at it last.",
    )
    reviewed_at = models.DateTimeField(_("reviewed at"), null=True, help_text="When.")
    note = models.CharField(_("note"), max_length=300, blank=True, default="", help_text="Why, in their words.")

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            [
                "id", "tenant", "kind", "actor", "payment", "period_start", "period_end", "score", "unusual",
                "detector", "sample_rows", "sample_start", "sample_end", "raised_at", "status", "reviewed_by",
                "reviewed_at", "note",
            ],
            NONE,
        ),
        "fields": PERSONAL,
    }  # fmt: skip
    RETENTION: ClassVar[str] = "12 months"

    class Meta:
        verbose_name = _("anomaly")
        verbose_name_plural = _("anomalies")
        permissions = [("review_activity_anomaly", "Can see and review anomalies of access and of the database")]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "actor", "period_start"], name="anomaly_once_per_actor_and_period"
            ),
            models.CheckConstraint(condition=Q(period_end__gt=F("period_start")), name="anomaly_period_in_order"),
            models.CheckConstraint(
                condition=Q(kind="payment", payment__isnull=False) | (~Q(kind="payment") & Q(payment__isnull=True)),
                name="anomaly_names_its_payment",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "kind", "-raised_at"], name="anomaly_latest"),
            models.Index(fields=["payment"], name="anomaly_payment", condition=Q(payment__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"anomaly_{self.pk}"


class AnomalyDetector(TenantModel):
    """A tenant's detector of one kind: how many anomalies people want a day, and how far it has looked."""

    kind = models.CharField(_("kind"), max_length=8, choices=AnomalyKind.choices, help_text="What it looks at.")
    daily_budget = models.PositiveSmallIntegerField(
        _("at most a day"), help_text="Anomalies raised in a day at most, the oddest first; 0 raises none."
    )
    scanned_to = models.DateTimeField(_("scanned up to"), null=True, help_text="What came before has been looked at.")
    scanned_at = models.DateTimeField(_("last scan"), null=True, help_text="When it looked last.")
    scanned_rows = models.IntegerField(_("rows of the last scan"), default=0, help_text="Payments, or hours of actors.")
    detector = models.CharField(
        _("detector"), max_length=64, blank=True, default="", help_text="Version and digest of the last scan's forest."
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["id", "tenant", "kind", "daily_budget", "scanned_to", "scanned_at", "scanned_rows", "detector"], NONE
    )
    RETENTION: ClassVar[str] = "while the tenant exists"

    class Meta:
        verbose_name = _("anomaly detector")
        verbose_name_plural = _("anomaly detectors")
        constraints = [models.UniqueConstraint(fields=["tenant", "kind"], name="anomaly_detector_once_per_kind")]

    def __str__(self) -> str:
        return str(AnomalyKind(self.kind).label)
