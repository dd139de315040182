"""A payment's identity and what may become of it: reference, statuses, allowed transitions, state changes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, PERSONAL, TenantForeignKey, TenantModel


class PaymentReference(TenantModel):
    """The identity of a payment: what makes it exist once, whichever month it falls in."""

    external_id = models.CharField(_("payment number"), max_length=64, help_text="The tenant's own id.")
    attempted_at = models.DateTimeField(_("attempted at"), help_text="Leads to the month's partition.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["id", "tenant", "external_id", "attempted_at"], NONE)
    RETENTION: ClassVar[str] = "with the payment"

    class Meta:
        verbose_name = _("payment reference")
        verbose_name_plural = _("payment references")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "external_id"], name="payment_number_once_per_tenant"),
            models.UniqueConstraint(fields=["id", "tenant", "attempted_at"], name="payment_reference_whole"),
            models.UniqueConstraint(fields=["id", "tenant"], name="payment_reference_id_tenant"),
        ]

    def __str__(self) -> str:
        return self.external_id


class PaymentStatus(models.Model):
    code = models.CharField(_("code"), max_length=16, primary_key=True, help_text="Short stable code.")
    label_fr = models.CharField(_("French label"), max_length=40, help_text="What people read in French.")
    label_en = models.CharField(_("English label"), max_length=40, help_text="What people read in English.")
    is_initial = models.BooleanField(_("initial"), help_text="A payment may be recorded in this status.")
    is_success = models.BooleanField(_("success"), help_text="Money has moved, or will.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["code", "label_fr", "label_en", "is_initial", "is_success"], NONE
    )
    RETENTION: ClassVar[str] = "for ever"

    class Meta:
        verbose_name = _("payment status")
        verbose_name_plural = _("payment statuses")

    def __str__(self) -> str:
        return self.code


class PaymentTransition(models.Model):
    """An allowed change of status. What is not in this table does not happen: the database refuses it."""

    from_status = models.ForeignKey(
        PaymentStatus,
        on_delete=models.PROTECT,
        related_name="leaves_to",
        verbose_name=_("from"),
        help_text="Status before.",
    )
    to_status = models.ForeignKey(
        PaymentStatus,
        on_delete=models.PROTECT,
        related_name="reached_from",
        verbose_name=_("to"),
        help_text="Status after.",
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["id", "from_status", "to_status"], NONE)
    RETENTION: ClassVar[str] = "for ever"

    class Meta:
        verbose_name = _("allowed transition")
        verbose_name_plural = _("allowed transitions")
        constraints = [
            models.UniqueConstraint(fields=["from_status", "to_status"], name="payment_transition_once"),
            models.CheckConstraint(condition=~Q(from_status=models.F("to_status")), name="payment_transition_moves"),
        ]

    def __str__(self) -> str:
        return f"{self.from_status_id} → {self.to_status_id}"


class PaymentStateChange(TenantModel):
    """A change of status with who and why. Inserting it *is* the change: a trigger moves the payment with it."""

    payment = TenantForeignKey(
        PaymentReference,
        on_delete=models.PROTECT,
        related_name="state_changes",
        verbose_name=_("payment"),
        help_text="Which payment.",
    )
    from_status = models.ForeignKey(
        PaymentStatus,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("from"),
        help_text="Status before.",
    )
    to_status = models.ForeignKey(
        PaymentStatus,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("to"),
        help_text="Status after.",
    )
    actor = models.CharField(_("who"), max_length=160, help_text="Person's e-mail, or system part.")
    reason = models.CharField(_("why"), max_length=300, help_text="Stated reason.")
    trace_id = models.CharField(_("trace"), max_length=32, blank=True, default="", help_text="Trace id of the act.")
    changed_at = models.DateTimeField(_("changed at"), help_text="When.")

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            ["id", "tenant", "payment", "from_status", "to_status", "reason", "trace_id", "changed_at"], NONE
        ),
        "actor": PERSONAL,
    }
    RETENTION: ClassVar[str] = "with the payment"

    class Meta:
        verbose_name = _("state change")
        verbose_name_plural = _("state changes")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.from_status_id} → {self.to_status_id}"
