from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, PERSONAL, SENSITIVE, TenantForeignKey, TenantModel
from kivendtout.lib.crypto.fields import BlindIndexField, EncryptedDateField, EncryptedEmailField, EncryptedTextField


class Segment(models.TextChoices):
    NEW = "new", _("New")
    REGULAR = "regular", _("Regular")
    LOYAL = "loyal", _("Loyal")
    VIP = "vip", _("VIP")


class Customer(TenantModel):
    """A buyer, as the tenant knows them. What names the person is encrypted; exports without names leave it empty."""

    external_id = models.CharField(
        _("customer number"), max_length=64, help_text="The tenant's own id, such as C00001."
    )
    first_name = EncryptedTextField(_("first name"), null=True, blank=True, help_text="Given name.")
    last_name = EncryptedTextField(_("last name"), null=True, blank=True, help_text="Family name.")
    email = EncryptedEmailField(_("e-mail"), null=True, blank=True, help_text="Contact address.")
    email_index = BlindIndexField(
        source="email",
        normalise="email",
        null=True,
        editable=False,
        help_text="Keyed hash of the e-mail, for exact search.",
    )
    phone = EncryptedTextField(_("phone"), null=True, blank=True, help_text="Contact number.")
    phone_index = BlindIndexField(
        source="phone",
        normalise="phone",
        null=True,
        editable=False,
        help_text="Keyed hash of the phone number, for exact search.",
    )
    birth_date = EncryptedDateField(_("birth date"), null=True, blank=True, help_text="Day of birth.")
    declared_minor = models.BooleanField(
        _("declared minor"), null=True, help_text="The tenant's own flag at registration: under age."
    )
    country = models.CharField(_("country"), max_length=2, help_text="Country of the profile, ISO 3166-1 alpha-2.")
    segment = models.CharField(
        _("segment"), max_length=16, choices=Segment.choices, default=Segment.REGULAR, help_text="Commercial segment."
    )
    preferred_device = models.CharField(
        _("preferred device"),
        max_length=16,
        blank=True,
        default="",
        help_text="Kind of device the customer says they use.",
    )
    registered_at = models.DateTimeField(_("registered at"), help_text="When the account was opened.")

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            ["id", "tenant", "external_id", "segment", "preferred_device", "registered_at", "country"], NONE
        ),
        **dict.fromkeys(
            ["first_name", "last_name", "email", "email_index", "phone", "phone_index", "birth_date"], PERSONAL
        ),
        "declared_minor": SENSITIVE,
    }
    RETENTION: ClassVar[str] = "3 years after the last purchase"

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        permissions = [("reveal_personal_data", "Can read personal data in clear, with a reason")]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "external_id"], name="customer_number_once_per_tenant"),
            models.UniqueConstraint(fields=["id", "tenant"], name="customer_id_tenant"),
            models.CheckConstraint(condition=models.Q(country__regex=r"^[A-Z]{2}$"), name="customer_country_iso"),
        ]
        indexes = [
            models.Index(fields=["tenant", "-registered_at"], name="customer_by_registration"),
        ]

    def __str__(self) -> str:
        return self.external_id


class Address(TenantModel):
    class Kind(models.TextChoices):
        BILLING = "billing", _("Billing")
        SHIPPING = "shipping", _("Shipping")

    customer = TenantForeignKey(
        Customer,
        on_delete=models.CASCADE,
        related_name="addresses",
        verbose_name=_("customer"),
        help_text="Whose address it is.",
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, help_text="What it serves for.")
    street = EncryptedTextField(_("street"), null=True, blank=True, help_text="Street and number.")
    postal_code = models.CharField(_("postal code"), max_length=16, blank=True, default="", help_text="Postal code.")
    city = models.CharField(_("city"), max_length=120, blank=True, default="", help_text="Town.")
    country = models.CharField(_("country"), max_length=2, help_text="ISO 3166-1 alpha-2.")
    added_at = models.DateTimeField(_("added at"), help_text="When the customer gave it.")

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(["id", "tenant", "customer", "kind", "country", "added_at"], NONE),
        **dict.fromkeys(["street", "postal_code", "city"], PERSONAL),
    }
    RETENTION: ClassVar[str] = "with the customer"

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        constraints = [
            models.UniqueConstraint(fields=["id", "tenant"], name="address_id_tenant"),
            models.CheckConstraint(condition=models.Q(country__regex=r"^[A-Z]{2}$"), name="address_country_iso"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.country}"


class Consent(TenantModel):
    """One answer to one purpose at one moment. The last answer counts; earlier ones stay as proof."""

    class Purpose(models.TextChoices):
        MARKETING = "marketing", _("Marketing")
        PROFILING = "profiling", _("Profiling")
        SALE = "sale", _("Sale or sharing")

    customer = TenantForeignKey(
        Customer,
        on_delete=models.CASCADE,
        related_name="consents",
        db_index=False,  # consent_latest begins with it
        verbose_name=_("customer"),
        help_text="Who answered.",
    )
    purpose = models.CharField(_("purpose"), max_length=16, choices=Purpose.choices, help_text="What was asked.")
    granted = models.BooleanField(_("granted"), help_text="The answer.")
    source = models.CharField(_("source"), max_length=64, help_text="Form or channel, with its version.")
    answered_at = models.DateTimeField(_("answered at"), help_text="When.")

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(["id", "tenant", "customer", "purpose", "source", "answered_at"], NONE),
        "granted": PERSONAL,
    }
    RETENTION: ClassVar[str] = "3 years after withdrawal"

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        indexes = [models.Index(fields=["customer", "purpose", "-answered_at"], name="consent_latest")]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {_('yes') if self.granted else _('no')}"
