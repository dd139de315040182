from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, PERSONAL, TenantForeignKey, TenantModel
from apps.customers.models.customer import Customer


class DeviceKind(models.TextChoices):
    WEB_DESKTOP = "web_desktop", _("Desktop browser")
    WEB_MOBILE = "web_mobile", _("Mobile browser")
    IOS = "ios", _("iOS app")
    ANDROID = "android", _("Android app")


class Device(TenantModel):
    """A browser or phone. Several customers of a household may share it: sessions and payments say who used it."""

    fingerprint = models.CharField(_("fingerprint"), max_length=64, help_text="The tenant's device fingerprint.")
    kind = models.CharField(
        _("kind"),
        max_length=16,
        choices=DeviceKind.choices,
        blank=True,
        default="",
        help_text="Kind of device; empty when never told.",
    )
    os = models.CharField(_("system"), max_length=32, blank=True, default="", help_text="Operating system.")
    browser = models.CharField(_("browser"), max_length=32, blank=True, default="", help_text="Browser or app.")
    first_seen_at = models.DateTimeField(_("first seen"), help_text="Earliest event with this fingerprint.")

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(["id", "tenant", "kind", "os", "browser", "first_seen_at"], NONE),
        "fingerprint": PERSONAL,
    }
    RETENTION: ClassVar[str] = "2 years after last use"

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "fingerprint"], name="device_fingerprint_once_per_tenant"),
            models.UniqueConstraint(fields=["id", "tenant"], name="device_id_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display() or '?'} {self.os}".strip()


class WebSession(TenantModel):
    """One visit: device, origin, campaign. The address is a keyed hash; only the country is kept in clear."""

    external_id = models.CharField(_("session number"), max_length=64, help_text="The tenant's own id, like S000001.")
    customer = TenantForeignKey(
        Customer,
        on_delete=models.CASCADE,
        related_name="sessions",
        db_index=False,  # session_of_customer begins with it
        verbose_name=_("customer"),
        help_text="Who visited.",
    )
    device = TenantForeignKey(
        Device,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="sessions",
        verbose_name=_("device"),
        help_text="The device, when the fingerprint is known.",
    )
    device_kind = models.CharField(
        _("device kind"),
        max_length=16,
        choices=DeviceKind.choices,
        blank=True,
        default="",
        help_text="Kind told by the visit itself (exports name no device).",
    )
    ip_hash = models.BinaryField(_("address hash"), null=True, help_text="Keyed hash of the network address.")
    country = models.CharField(
        _("country"),
        max_length=2,
        blank=True,
        default="",
        help_text="Country derived from the address before hashing; empty when unknown.",
    )
    utm_source = models.CharField(_("source"), max_length=64, blank=True, default="", help_text="utm_source.")
    utm_campaign = models.CharField(_("campaign"), max_length=64, blank=True, default="", help_text="utm_campaign.")
    started_at = models.DateTimeField(_("started at"), help_text="First event of the visit.")
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, help_text="Last event of the visit.")

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            [
                "id",
                "tenant",
                "external_id",
                "customer",
                "device",
                "device_kind",
                "country",
                "utm_source",
                "utm_campaign",
                "started_at",
                "ended_at",
            ],
            NONE,
        ),
        "ip_hash": PERSONAL,
    }
    RETENTION: ClassVar[str] = "2 years"

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "external_id"], name="session_number_once_per_tenant"),
            models.UniqueConstraint(fields=["id", "tenant"], name="session_id_tenant"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="session_ends_after_it_starts",
            ),
        ]
        indexes = [models.Index(fields=["customer", "-started_at"], name="session_of_customer")]

    def __str__(self) -> str:
        return self.external_id
