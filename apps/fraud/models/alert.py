from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, TenantForeignKey, TenantModel
from apps.payments.models import PaymentReference


class FraudAlert(TenantModel):
    """A payment that somebody, or some rule, found doubtful, and where its review stands."""

    class Status(models.TextChoices):
        PENDING_REVIEW = "PENDING_REVIEW", _("Pending review")
        INVESTIGATING = "INVESTIGATING", _("Investigating")
        APPROVED = "APPROVED", _("Approved")
        BLOCKED = "BLOCKED", _("Blocked")

    class Severity(models.TextChoices):
        LOW = "LOW", _("Low")
        MEDIUM = "MEDIUM", _("Medium")
        HIGH = "HIGH", _("High")

    external_id = models.CharField(_("alert number"), max_length=64, help_text="Stable id, ours or the export's.")
    payment = TenantForeignKey(
        PaymentReference,
        on_delete=models.PROTECT,
        related_name="alerts",
        verbose_name=_("payment"),
        help_text="The doubtful payment.",
    )
    rule = models.CharField(_("rule"), max_length=64, help_text="Code of the rule that raised it.")
    severity = models.CharField(
        _("severity"), max_length=8, choices=Severity.choices, default=Severity.MEDIUM, help_text="How urgent."
    )
    status = models.CharField(
        _("status"),
        max_length=16,
        choices=Status.choices,
        default=Status.PENDING_REVIEW,
        help_text="Where the review stands.",
    )
    raised_at = models.DateTimeField(_("raised at"), help_text="When.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["id", "tenant", "external_id", "payment", "rule", "severity", "status", "raised_at"], NONE
    )
    RETENTION: ClassVar[str] = "5 years"

    class Meta:
        verbose_name = _("fraud alert")
        verbose_name_plural = _("fraud alerts")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "external_id"], name="alert_number_once_per_tenant"),
            models.UniqueConstraint(fields=["id", "tenant"], name="alert_id_tenant"),
        ]
        indexes = [models.Index(fields=["tenant", "status", "-raised_at"], name="alert_queue")]

    def __str__(self) -> str:
        return self.external_id


class FraudLabel(TenantModel):
    """What turned out to be true of a payment, from whom, and since when it is known."""

    class Source(models.TextChoices):
        CHARGEBACK = "chargeback", _("Chargeback")
        ANALYST = "analyst", _("Analyst")
        EXPORT = "export", _("Export")

    payment = TenantForeignKey(
        PaymentReference,
        on_delete=models.PROTECT,
        related_name="labels",
        verbose_name=_("payment"),
        help_text="The payment judged.",
    )
    is_fraud = models.BooleanField(_("fraud"), help_text="The verdict.")
    source = models.CharField(_("source"), max_length=16, choices=Source.choices, help_text="Who says so.")
    pattern = models.CharField(
        _("pattern"), max_length=32, blank=True, default="", help_text="Kind of fraud, when known."
    )
    known_at = models.DateTimeField(_("known since"), help_text="When the label arrived; never earlier than that.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["id", "tenant", "payment", "is_fraud", "source", "pattern", "known_at"], NONE
    )
    RETENTION: ClassVar[str] = "5 years"

    class Meta:
        verbose_name = _("fraud label")
        verbose_name_plural = _("fraud labels")
        permissions = [("import_labels", "Can import labels from a file")]
        constraints = [
            models.UniqueConstraint(fields=["payment", "source"], name="label_once_per_source"),
            models.UniqueConstraint(fields=["id", "tenant"], name="label_id_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.is_fraud}"
