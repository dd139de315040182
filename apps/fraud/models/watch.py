"""What a day's watch over scorers found, and alerts about operations, which are not about a payment."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.compliance.models import User
from apps.compliance.models.base import NONE, TenantForeignKey, TenantModel
from apps.fraud.models.scorer import Scorer


class ScorerWatch(TenantModel):
    """One day of one scorer: live distributions against those of training, and what labels have said since."""

    scorer = TenantForeignKey(
        Scorer, on_delete=models.CASCADE, related_name="watches", verbose_name=_("scorer"), help_text="Which."
    )
    day = models.DateField(_("day"), help_text="Of the payments looked at, in the tenant's time zone.")
    payments = models.PositiveIntegerField(_("payments"), help_text="How many it scored.")
    alerts = models.PositiveIntegerField(_("alerts"), help_text="How many alerts were raised.")
    score_psi = models.FloatField(_("PSI of the score"), null=True, help_text="Empty with too few payments.")
    worst_psi = models.FloatField(_("worst PSI"), null=True, help_text="Of a feature.")
    worst_feature = models.CharField(_("feature"), max_length=64, blank=True, default="", help_text="Which.")
    auc = models.FloatField(_("AUC"), null=True, help_text="On what is labelled by now; empty with too few.")
    precision = models.FloatField(_("precision"), null=True, help_text="Of alerts judged by now.")
    calibration_error = models.FloatField(_("calibration error"), null=True, help_text="Mean gap, weighted.")
    findings = models.JSONField(_("findings"), help_text="All figures by feature, and what was out of bounds.")
    report = models.BinaryField(_("report"), null=True, help_text="Evidently's page, compressed.")
    made_at = models.DateTimeField(_("made at"), help_text="When.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        [
            "id", "tenant", "scorer", "day", "payments", "alerts", "score_psi", "worst_psi", "worst_feature", "auc",
            "precision", "calibration_error", "findings", "report", "made_at",
        ],
        NONE,
    )  # fmt: skip
    RETENTION: ClassVar[str] = "400 days"

    class Meta:
        verbose_name = _("watch")
        verbose_name_plural = _("watches")
        ordering = ["-day", "-pk"]
        constraints = [models.UniqueConstraint(fields=["scorer", "day"], name="one_watch_per_scorer_and_day")]

    def __str__(self) -> str:
        return f"{self.day}"


class OperationalAlert(TenantModel):
    """About the installation, not about a payment: a scorer that fails, drifts, or floods its analysts."""

    class Kind(models.TextChoices):
        SCORER_FAILED = "scorer_failed", _("The scorer does not answer")
        SCORER_SLOW = "scorer_slow", _("The scorer is too slow")
        DRIFT = "drift", _("Payments are not those it learned from")
        DECAY = "decay", _("The scorer has lost accuracy")
        VOLUME = "volume", _("Alert volume has jumped")
        CALIBRATION = "calibration", _("Probabilities are off")
        RETRAINED = "retrained", _("A new scorer is proposed")
        TRAINING_FAILED = "training_failed", _("Training failed")

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        HANDLED = "handled", _("Handled")

    kind = models.CharField(_("kind"), max_length=24, choices=Kind.choices, help_text="What is the matter.")
    scorer = TenantForeignKey(
        Scorer,
        null=True,
        on_delete=models.CASCADE,
        related_name="operational_alerts",
        verbose_name=_("scorer"),
        help_text="Which scorer, if one.",
    )
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.OPEN, help_text="Whether it still stands."
    )
    facts = models.JSONField(_("facts"), help_text="Figures that the sentence is made of.")
    raised_at = models.DateTimeField(_("raised at"), help_text="When first.")
    last_at = models.DateTimeField(_("last seen"), help_text="When last.")
    times = models.PositiveIntegerField(_("times"), default=1, help_text="How often while it was open.")
    handled_at = models.DateTimeField(_("handled at"), null=True, help_text="When.")
    handled_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("handled by"), help_text="By whom."
    )
    note = models.CharField(_("note"), max_length=300, blank=True, default="", help_text="What was done.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        [
            "id", "tenant", "kind", "scorer", "status", "facts", "raised_at", "last_at", "times", "handled_at",
            "handled_by", "note",
        ],
        NONE,
    )  # fmt: skip
    RETENTION: ClassVar[str] = "2 years"

    class Meta:
        verbose_name = _("operational alert")
        verbose_name_plural = _("operational alerts")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "scorer"],
                condition=Q(status="open"),
                nulls_distinct=False,
                name="one_open_operational_alert_of_a_kind",
            )
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
