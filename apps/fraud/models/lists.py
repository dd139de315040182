from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, PERSONAL, TenantForeignKey, TenantModel


class FraudList(TenantModel):
    """A named list that payments are compared with: what it holds, and what a match means."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer", _("Customer")
        EMAIL = "email", _("E-mail address")
        DEVICE = "device", _("Device")
        CARD = "card", _("Card")
        IP = "ip", _("Network address")
        COUNTRY = "country", _("Country")
        BIN = "bin", "BIN"
        MERCHANT = "merchant", _("Merchant")

    class Effect(models.TextChoices):
        ALLOW = "allow", _("Allow")
        DENY = "deny", _("Deny")
        WATCH = "watch", _("Watch")

    code = models.CharField(_("code"), max_length=64, help_text="The name that rules use, such as stolen_cards.")
    name_fr = models.CharField(_("name in French"), max_length=120, help_text="What French readers see.")
    name_en = models.CharField(_("name in English"), max_length=120, help_text="What English readers see.")
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices, help_text="What its entries are.")
    effect = models.CharField(_("effect"), max_length=8, choices=Effect.choices, help_text="What a match means.")
    overrides_deny = models.BooleanField(
        _("silences a hard deny"),
        default=False,
        help_text="Allow lists only: a match lets a payment pass that a hard rule or a deny list would stop.",
    )
    description = models.TextField(
        _("description"), max_length=1000, blank=True, default="", help_text="What it is for, and who feeds it."
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, help_text="When it was made.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        [
            "id",
            "tenant",
            "code",
            "name_fr",
            "name_en",
            "kind",
            "effect",
            "overrides_deny",
            "description",
            "created_at",
        ],
        NONE,
    )
    RETENTION: ClassVar[str] = "5 years after its last entry"

    class Meta:
        verbose_name = _("list")
        verbose_name_plural = _("lists")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "code"], name="list_code_once_per_tenant"),
            models.UniqueConstraint(fields=["id", "tenant"], name="list_id_tenant"),
            models.CheckConstraint(condition=Q(code__regex=r"^[a-z][a-z0-9_]*$"), name="list_code_is_a_name"),
            models.CheckConstraint(
                condition=Q(overrides_deny=False) | Q(effect="allow"), name="list_only_allow_silences_deny"
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def name(self) -> str:
        return self.name_fr if (get_language() or "").startswith("fr") else self.name_en


class ListEntry(TenantModel):
    """One value on a list: kept as a keyed hash, as a network, or in clear where it names no person."""

    list = TenantForeignKey(
        FraudList,
        on_delete=models.PROTECT,
        related_name="entries",
        db_index=False,  # entry_of_list begins with it
        verbose_name=_("list"),
        help_text="The list it stands on.",
    )
    value = models.CharField(
        _("value"),
        max_length=64,
        blank=True,
        default="",
        help_text="The tenant's customer or merchant number, a country, or a BIN; empty for what is hashed.",
    )
    value_hash = models.BinaryField(
        _("value hash"), null=True, help_text="Keyed hash of an e-mail address, device, card or network address."
    )
    network = models.CharField(
        _("network"), max_length=43, blank=True, default="", help_text="A range of network addresses, CIDR notation."
    )
    hint = models.CharField(
        _("hint"),
        max_length=260,
        blank=True,
        default="",
        help_text="What may be shown of a hidden value: two characters, or an e-mail's domain.",
    )
    reason = models.CharField(_("reason"), max_length=300, help_text="Why it stands here.")
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("added by"),
        help_text="The colleague who answers for it.",
    )
    added_at = models.DateTimeField(_("added at"), help_text="When it was put on the list.")
    expires_at = models.DateTimeField(
        _("expires at"), null=True, blank=True, help_text="Payments from this instant on no longer meet it."
    )
    removed_at = models.DateTimeField(_("removed at"), null=True, blank=True, help_text="When it was taken off.")
    uses = models.BigIntegerField(_("uses"), default=0, help_text="How many payments have met it.")
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, help_text="When one last did.")
    changed_in = models.BigIntegerField(
        _("version"), default=0, help_text="The version of the tenant's lists that it last changed in."
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            [
                "id",
                "tenant",
                "list",
                "value",
                "reason",
                "added_by",
                "added_at",
                "expires_at",
                "removed_at",
                "uses",
                "last_used_at",
                "changed_in",
            ],
            NONE,
        ),
        **dict.fromkeys(["value_hash", "network", "hint"], PERSONAL),
    }
    RETENTION: ClassVar[str] = "5 years after it expires or is removed"

    class Meta:
        verbose_name = _("list entry")
        verbose_name_plural = _("list entries")
        constraints = [
            models.UniqueConstraint(
                fields=["list", "value", "network", "value_hash"],
                condition=Q(removed_at=None),
                nulls_distinct=False,
                name="list_entry_once",
            ),
            models.CheckConstraint(
                condition=Q(value_hash=None, network="") & ~Q(value="")
                | Q(value_hash=None, value="") & ~Q(network="")
                | Q(value_hash__isnull=False, value="", network=""),
                name="list_entry_one_value",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=models.F("added_at")),
                name="list_entry_not_born_expired",
            ),
        ]
        indexes = [
            models.Index(fields=["list", "-added_at"], name="entry_of_list"),
            models.Index(fields=["tenant", "changed_in"], name="entry_changes"),
        ]

    def __str__(self) -> str:
        return self.value or self.hint


class ListsVersion(TenantModel):
    """Goes up with each change of a tenant's lists, in the same transaction: processes ask whether theirs is old."""

    version = models.BigIntegerField(_("version"), default=0, help_text="How many changes there have been.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["id", "tenant", "version"], NONE)
    RETENTION: ClassVar[str] = "with the tenant"

    class Meta:
        verbose_name = _("version of lists")
        verbose_name_plural = _("versions of lists")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="lists_version_once_per_tenant")]

    def __str__(self) -> str:
        return str(self.version)
