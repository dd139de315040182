"""What open pages are told of alerts. Each change has a number, so that a page can ask for what it missed."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, TenantForeignKey, TenantModel
from apps.fraud.models.alert import FraudAlert


class AlertChange(TenantModel):
    """Written with the change, numbered once it is committed: numbers follow the order in which changes became visible.

    A number drawn inside the transaction would not: the later number may be committed first, and a page that had
    seen it would never ask for the earlier one.
    """

    class Change(models.TextChoices):
        RAISED = "raised", _("Raised")
        STATUS = "status", _("Status changed")

    alert = TenantForeignKey(
        FraudAlert,
        on_delete=models.CASCADE,
        related_name="changes",
        db_index=False,  # nobody looks an alert's changes up: they are kept for a week, to be told
        verbose_name=_("alert"),
        help_text="The alert that is new or has changed.",
    )
    change = models.CharField(
        _("change"), max_length=16, choices=Change.choices, help_text="What happened to it: raised, status."
    )
    at = models.DateTimeField(_("at"), help_text="When.")
    number = models.BigIntegerField(
        _("number"), null=True, help_text="Place among the tenant's changes; empty until it is numbered."
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["id", "tenant", "alert", "change", "at", "number"], NONE)
    RETENTION: ClassVar[str] = "7 days"

    class Meta:
        verbose_name = _("change of an alert")
        verbose_name_plural = _("changes of alerts")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="alert_change_number_once_per_tenant"),
        ]
        indexes = [
            # Empty nearly always, so that asking whether something waits costs nothing.
            models.Index(fields=["id"], name="alert_change_unnumbered", condition=Q(number__isnull=True)),
            BrinIndex(fields=["at"], name="alert_change_age", pages_per_range=16),
        ]

    def __str__(self) -> str:
        return f"{self.change} {self.alert_id}"


class AlertChangeCounter(TenantModel):
    """The last number given. It outlives the changes, so that no number is ever given twice."""

    last = models.BigIntegerField(_("last number"), default=0, help_text="Number of the tenant's latest change.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["id", "tenant", "last"], NONE)
    RETENTION: ClassVar[str] = "while the tenant exists"

    class Meta:
        verbose_name = _("counter of changes of alerts")
        verbose_name_plural = _("counters of changes of alerts")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="alert_change_counter_once_per_tenant")]

    def __str__(self) -> str:
        return str(self.last)
