"""What scorers leave behind at single payments: scores on trial, and explanations kept for alerts."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, TenantForeignKey, TenantModel
from apps.fraud.models.scorer import Scorer
from apps.payments.models import PaymentReference


class ShadowScore(TenantModel):
    """What a scorer on trial said of a live payment, without effect."""

    payment = TenantForeignKey(
        PaymentReference,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        verbose_name=_("payment"),
        help_text="The payment scored.",
    )
    scorer = TenantForeignKey(
        Scorer,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        verbose_name=_("scorer"),
        help_text="By which.",
    )
    score = models.FloatField(_("score"), help_text="Calibrated probability of fraud.")
    scored_at = models.DateTimeField(_("scored at"), help_text="When.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["id", "tenant", "payment", "scorer", "score", "scored_at"], NONE
    )
    RETENTION: ClassVar[str] = "180 days"

    class Meta:
        verbose_name = _("score on trial")
        verbose_name_plural = _("scores on trial")
        constraints = [models.UniqueConstraint(fields=["scorer", "payment"], name="one_shadow_score_per_payment")]
        indexes = [BrinIndex(fields=["scored_at"], name="shadow_score_period", pages_per_range=32)]

    def __str__(self) -> str:
        return f"{self.payment_id}: {self.score}"


class Explanation(TenantModel):
    """Contributions to a decision's score, kept for alerts. The same is computed anew whenever it is asked for."""

    payment = TenantForeignKey(
        PaymentReference,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("payment"),
        help_text="Whose decision.",
    )
    scorer = TenantForeignKey(
        Scorer,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        verbose_name=_("scorer"),
        help_text="By which.",
    )
    base = models.FloatField(_("base"), help_text="Log-odds before anything is known of the payment.")
    contributions = models.JSONField(
        _("contributions"), help_text="The walk: facts with their log-odds, columns and the probability after each."
    )
    made_at = models.DateTimeField(_("made at"), help_text="When.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["id", "tenant", "payment", "scorer", "base", "contributions", "made_at"], NONE
    )
    RETENTION: ClassVar[str] = "5 years"

    class Meta:
        verbose_name = _("explanation")
        verbose_name_plural = _("explanations")
        constraints = [models.UniqueConstraint(fields=["payment"], name="one_explanation_per_decision")]

    def __str__(self) -> str:
        return str(self.payment_id)
