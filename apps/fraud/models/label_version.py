from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, TenantForeignKey, TenantModel
from apps.fraud.models.alert import FraudLabel


class LabelVersion(TenantModel):
    """A verdict as it was told. Together they say what was known of a payment on any date; none is ever changed.

    PostgreSQL writes one whenever a label is new or changes, so no path can forget to (see `label_schema.py`).
    """

    label = TenantForeignKey(
        FraudLabel,
        on_delete=models.PROTECT,
        related_name="versions",
        db_index=False,
        verbose_name=_("fraud label"),
        help_text="The payment's verdict of one source, of which this is one version.",
    )
    is_fraud = models.BooleanField(_("fraud"), help_text="The verdict.")
    pattern = models.CharField(
        _("pattern"), max_length=32, blank=True, default="", help_text="Kind of fraud, when known."
    )
    known_at = models.DateTimeField(_("known since"), help_text="Since when the world knew.")
    recorded_at = models.DateTimeField(
        _("recorded at"), help_text="When this system heard of it, by PostgreSQL's clock."
    )
    stood = models.BooleanField(
        _("stood here"), default=True, help_text="No: its source had said so before, or something newer already."
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["id", "tenant", "label", "is_fraud", "pattern", "known_at", "recorded_at", "stood"], NONE
    )
    RETENTION: ClassVar[str] = "5 years"

    class Meta:
        verbose_name = _("version of a fraud label")
        verbose_name_plural = _("versions of fraud labels")
        indexes = [
            models.Index(fields=["label", "known_at"], name="label_versions"),
            # In the order in which a replay hears of verdicts, a page at a time.
            models.Index(fields=["tenant", "known_at", "label"], name="label_versions_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.label_id}: {self.is_fraud}"
