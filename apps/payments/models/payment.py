"""The payment: partitioned by month on the attempt time, its status changed only through its state table.

PostgreSQL's primary key is (id, attempted_at), because a partitioned table's key must hold the partition column.
Django is told that `reference` (column `id`) is the key, which it is: `PaymentReference` gives it out, once per
tenant and external id, across all months. Everything that points at a payment points at the reference, with a
real foreign key. See docs/adr/0005-partitioned-payments.md.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex, HashIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, PERSONAL, TenantForeignKey, TenantModel
from apps.customers.models import Address, Customer, Device, WebSession
from apps.payments.models.reference import Currency, Merchant, PaymentMethod
from apps.payments.models.status import PaymentReference, PaymentStatus
from kivendtout.lib.money import DECIMAL_PLACES, MAX_DIGITS


class Payment(TenantModel):
    reference = models.OneToOneField(
        PaymentReference,
        on_delete=models.PROTECT,
        primary_key=True,
        db_column="id",
        db_constraint=False,
        related_name="payment",
        verbose_name=_("payment number"),
        help_text="Gives out the id, once per external id.",
    )  # the constraint is in apps/payments/schema.py: id, tenant and attempt time together
    attempted_at = models.DateTimeField(_("attempted at"), help_text="Event time; decides the month's partition.")
    customer = TenantForeignKey(
        Customer,
        on_delete=models.PROTECT,
        related_name="payments",
        db_index=False,
        verbose_name=_("customer"),
        help_text="Who pays.",
    )
    status = models.ForeignKey(
        PaymentStatus,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("status"),
        help_text="Where it stands; follows its state changes.",
    )
    initial_status = models.ForeignKey(
        PaymentStatus,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        editable=False,
        verbose_name=_("recorded as"),
        help_text="Status in which it was recorded.",
    )
    amount = models.DecimalField(
        _("amount"),
        max_digits=MAX_DIGITS,
        decimal_places=DECIMAL_PLACES,
        help_text="In the currency's major unit, exact.",
    )
    currency = models.ForeignKey(
        Currency,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("currency"),
        help_text="ISO 4217.",
    )
    merchant = TenantForeignKey(
        Merchant,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="payments",
        db_index=False,
        verbose_name=_("merchant"),
        help_text="Who is paid, when told.",
    )
    method = TenantForeignKey(
        PaymentMethod,
        on_delete=models.PROTECT,
        related_name="payments",
        db_index=False,
        verbose_name=_("method"),
        help_text="How it is paid.",
    )
    device = TenantForeignKey(
        Device,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="payments",
        db_index=False,
        verbose_name=_("device"),
        help_text="The device used.",
    )
    session = TenantForeignKey(
        WebSession,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="payments",
        db_index=False,
        verbose_name=_("session"),
        help_text="The visit it belongs to.",
    )
    billing_address = TenantForeignKey(
        Address,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        verbose_name=_("billing address"),
        help_text="Address on the bill, when told.",
    )
    payment_country = models.CharField(
        _("payment country"),
        max_length=2,
        blank=True,
        default="",
        help_text="Country the payment was made from; empty when unknown.",
    )
    ip_hash = models.BinaryField(_("address hash"), null=True, help_text="Keyed hash of the network address.")
    failure_code = models.CharField(
        _("failure"), max_length=32, blank=True, default="", help_text="Why the provider refused, in its words."
    )
    ip_country = models.CharField(
        _("address country"),
        max_length=2,
        blank=True,
        default="",
        help_text="Country of the network address, found before it was hashed; empty when not told.",
    )
    billing_country = models.CharField(
        _("billing country"),
        max_length=2,
        blank=True,
        default="",
        help_text="Country on the bill; empty when not told.",
    )
    cart_at = models.DateTimeField(
        _("cart last touched"), null=True, blank=True, help_text="Last cart event before the payment, when told."
    )
    basket_size = models.IntegerField(
        _("articles in the basket"), null=True, blank=True, help_text="Number of articles paid for, when told."
    )
    adult_restricted = models.BooleanField(
        _("adults only"), null=True, blank=True, help_text="The basket holds goods for adults only; empty if not told."
    )
    recorded_by = models.CharField(_("recorded by"), max_length=64, default="", help_text="Path that brought it in.")
    recorded_at = models.DateTimeField(_("recorded at"), auto_now_add=True, help_text="When it reached us.")

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            [
                "reference",
                "tenant",
                "attempted_at",
                "customer",
                "status",
                "initial_status",
                "amount",
                "currency",
                "merchant",
                "method",
                "session",
                "payment_country",
                "failure_code",
                "ip_country",
                "billing_country",
                "cart_at",
                "basket_size",
                "adult_restricted",
                "recorded_by",
                "recorded_at",
                "device",
                "billing_address",
            ],
            NONE,
        ),
        "ip_hash": PERSONAL,
    }
    RETENTION: ClassVar[str] = "10 years (accounting)"

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-attempted_at", "-reference_id"]
        permissions = [("change_payment_status", "Can move a payment to another allowed status")]
        indexes = [
            # "One customer's last 30 days": velocity features, customer page.
            models.Index(fields=["customer", "-attempted_at"], name="payment_of_customer"),
            # The admin's and API's lists, newest first, keyset on (attempted_at, id).
            models.Index(fields=["tenant", "-attempted_at", "-reference"], name="payment_newest_first"),
            # "Which payments came from this device, or this address?": equality only, so hash.
            HashIndex(fields=["device"], name="payment_of_device"),
            HashIndex(fields=["ip_hash"], name="payment_of_address"),
            # Whole-period scans (exports, backtests) inside a month: 24 kB instead of megabytes.
            BrinIndex(fields=["attempted_at"], name="payment_period", pages_per_range=32),
        ]

    def __str__(self) -> str:
        return str(self.pk)
