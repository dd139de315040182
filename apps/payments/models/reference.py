"""Slow-moving tables that payments point at."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import CARD, NONE, PERSONAL, TenantForeignKey, TenantModel
from apps.customers.models import Customer
from kivendtout.lib.money import DECIMAL_PLACES, MAX_DIGITS


class Currency(models.Model):
    """ISO 4217. How many minor digits an amount may have is the currency's own fact."""

    code = models.CharField(_("code"), max_length=3, primary_key=True, help_text="ISO 4217 letters, such as EUR.")
    numeric_code = models.CharField(_("number"), max_length=3, unique=True, help_text="ISO 4217 number, such as 978.")
    name = models.CharField(_("name"), max_length=64, help_text="English name.")
    minor_units = models.PositiveSmallIntegerField(_("minor digits"), help_text="Digits after the decimal point.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["code", "numeric_code", "name", "minor_units"], NONE)
    RETENTION: ClassVar[str] = "for ever"

    class Meta:
        verbose_name = _("currency")
        verbose_name_plural = _("currencies")
        constraints = [
            models.CheckConstraint(condition=Q(code__regex=r"^[A-Z]{3}$"), name="currency_code_iso"),
            models.CheckConstraint(condition=Q(minor_units__lte=DECIMAL_PLACES), name="currency_minor_units_fit"),
        ]

    def __str__(self) -> str:
        return self.code


class Merchant(TenantModel):
    class Size(models.TextChoices):
        SMALL = "small", _("Small")
        MEDIUM = "medium", _("Medium")
        LARGE = "large", _("Large")

    external_id = models.CharField(_("merchant number"), max_length=64, help_text="The tenant's own id.")
    name = models.CharField(_("name"), max_length=160, help_text="Trading name.")
    industry = models.CharField(_("industry"), max_length=64, blank=True, default="", help_text="Branch of trade.")
    size = models.CharField(
        _("size"), max_length=8, choices=Size.choices, blank=True, default="", help_text="Size class."
    )
    country = models.CharField(_("country"), max_length=2, help_text="ISO 3166-1 alpha-2.")
    mcc = models.CharField(_("category code"), max_length=4, blank=True, default="", help_text="ISO 18245 code.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["id", "tenant", "external_id", "name", "industry", "size", "country", "mcc"], NONE
    )
    RETENTION: ClassVar[str] = "10 years after the last payment"

    class Meta:
        verbose_name = _("merchant")
        verbose_name_plural = _("merchants")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "external_id"], name="merchant_number_once_per_tenant"),
            models.UniqueConstraint(fields=["id", "tenant"], name="merchant_id_tenant"),
            models.CheckConstraint(condition=Q(country__regex=r"^[A-Z]{2}$"), name="merchant_country_iso"),
            models.CheckConstraint(condition=Q(mcc__regex=r"^([0-9]{4})?$"), name="merchant_mcc_four_digits"),
        ]

    def __str__(self) -> str:
        return self.name


class Product(TenantModel):
    external_id = models.CharField(_("product number"), max_length=64, help_text="The tenant's own id, like P0001.")
    name = models.CharField(_("name"), max_length=200, help_text="Name in the shop.")
    category = models.CharField(_("category"), max_length=64, help_text="Shelf.")
    adult_restricted = models.BooleanField(_("adults only"), default=False, help_text="May be sold to adults only.")
    unit_price = models.DecimalField(
        _("unit price"),
        max_digits=MAX_DIGITS,
        decimal_places=DECIMAL_PLACES,
        validators=[MinValueValidator(0)],
        help_text="Current list price.",
    )
    currency = models.ForeignKey(
        Currency,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("currency"),
        help_text="Currency of the price.",
    )
    created_at = models.DateTimeField(_("created at"), help_text="When it entered the shop.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["id", "tenant", "external_id", "name", "category", "adult_restricted", "unit_price", "currency", "created_at"],
        NONE,
    )
    RETENTION: ClassVar[str] = "10 years after the last order"

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "external_id"], name="product_number_once_per_tenant"),
            models.UniqueConstraint(fields=["id", "tenant"], name="product_id_tenant"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="product_price_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class PaymentMethod(TenantModel):
    """How a customer pays. Of a card: BIN, last four and a keyed hash, never the number, never the CVV."""

    class Kind(models.TextChoices):
        CARD = "card", _("Card")
        PAYPAL = "paypal", "PayPal"
        APPLE_PAY = "apple_pay", "Apple Pay"
        GOOGLE_PAY = "google_pay", "Google Pay"
        BANK_TRANSFER = "bank_transfer", _("Bank transfer")

    customer = TenantForeignKey(
        Customer,
        on_delete=models.CASCADE,
        related_name="payment_methods",
        verbose_name=_("customer"),
        help_text="Who pays with it.",
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices, help_text="Means of payment.")
    bin = models.CharField("BIN", max_length=8, blank=True, default="", help_text="First six or eight digits.")
    last_four = models.CharField(_("last four"), max_length=4, blank=True, default="", help_text="Last four digits.")
    number_hash = models.BinaryField(
        _("number hash"), null=True, help_text="Keyed hash of the number or of the provider's card token."
    )
    issuer_country = models.CharField(
        _("issuer country"),
        max_length=2,
        blank=True,
        default="",
        help_text="Country of the issuing bank; empty when unknown.",
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(["id", "tenant", "kind", "issuer_country"], NONE),
        "customer": PERSONAL,
        "bin": CARD,
        "last_four": CARD,
        "number_hash": CARD,
    }
    RETENTION: ClassVar[str] = "13 months after the last payment"

    class Meta:
        verbose_name = _("payment method")
        verbose_name_plural = _("payment methods")
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "kind", "bin", "last_four", "number_hash"],
                nulls_distinct=False,
                name="payment_method_once_per_customer",
            ),
            models.UniqueConstraint(fields=["id", "tenant"], name="payment_method_id_tenant"),
            models.CheckConstraint(condition=Q(bin__regex=r"^([0-9]{6}|[0-9]{8})?$"), name="payment_method_bin"),
            models.CheckConstraint(condition=Q(last_four__regex=r"^([0-9]{4})?$"), name="payment_method_last_four"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
