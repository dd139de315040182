from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, TenantForeignKey, TenantModel
from apps.customers.models import Customer, WebSession
from apps.payments.models.reference import Currency, Product
from apps.payments.models.status import PaymentReference
from kivendtout.lib.money import DECIMAL_PLACES, MAX_DIGITS


class Order(TenantModel):
    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        PAID = "paid", _("Paid")
        BLOCKED = "blocked", _("Blocked")
        SHIPPED = "shipped", _("Shipped")
        CANCELLED = "cancelled", _("Cancelled")
        REFUNDED = "refunded", _("Refunded")

    external_id = models.CharField(_("order number"), max_length=64, help_text="The tenant's own id, like O0000001.")
    customer = TenantForeignKey(
        Customer, on_delete=models.PROTECT, related_name="orders", verbose_name=_("customer"), help_text="Who ordered."
    )
    session = TenantForeignKey(
        WebSession,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="orders",
        verbose_name=_("session"),
        help_text="The visit in which it was placed.",
    )
    payment = TenantForeignKey(
        PaymentReference,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="orders",
        verbose_name=_("payment"),
        help_text="The payment that paid it.",
    )
    placed_at = models.DateTimeField(_("placed at"), help_text="When.")
    total = models.DecimalField(
        _("total"),
        max_digits=MAX_DIGITS,
        decimal_places=DECIMAL_PLACES,
        help_text="What was charged, after discounts; items keep their own prices.",
    )
    currency = models.ForeignKey(
        Currency,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("currency"),
        help_text="Currency of the total.",
    )
    shipping_method = models.CharField(_("shipping"), max_length=32, blank=True, default="", help_text="Carrier kind.")
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, help_text="Where it stands.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        [
            "id",
            "tenant",
            "external_id",
            "customer",
            "session",
            "payment",
            "placed_at",
            "total",
            "currency",
            "shipping_method",
            "status",
        ],
        NONE,
    )
    RETENTION: ClassVar[str] = "10 years (accounting)"

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "external_id"], name="order_number_once_per_tenant"),
            models.UniqueConstraint(fields=["id", "tenant"], name="order_id_tenant"),
            models.CheckConstraint(condition=Q(total__gte=0), name="order_total_not_negative"),
        ]
        indexes = [models.Index(fields=["tenant", "-placed_at"], name="order_by_date")]

    def __str__(self) -> str:
        return self.external_id


class OrderItem(TenantModel):
    """A line of an order. The same product may stand on two lines, as it does in real exports."""

    order = TenantForeignKey(
        Order, on_delete=models.CASCADE, related_name="items", verbose_name=_("order"), help_text="The order."
    )
    line = models.PositiveSmallIntegerField(_("line"), help_text="Position in the order, from 1.")
    product = TenantForeignKey(
        Product, on_delete=models.PROTECT, related_name="+", verbose_name=_("product"), help_text="What was bought."
    )
    quantity = models.PositiveIntegerField(_("quantity"), help_text="How many.")
    unit_price = models.DecimalField(
        _("unit price"),
        max_digits=MAX_DIGITS,
        decimal_places=DECIMAL_PLACES,
        help_text="Price at the time of the order.",
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["id", "tenant", "order", "line", "product", "quantity", "unit_price"], NONE
    )
    RETENTION: ClassVar[str] = "with the order"

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        constraints = [
            models.UniqueConstraint(fields=["order", "line"], name="order_line_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="order_line_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"
