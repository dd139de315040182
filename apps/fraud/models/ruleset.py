"""The numbered snapshots of rules that decisions name. `rule_schema.py` guards them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.compliance.models import User
from apps.compliance.models.base import NONE, TenantForeignKey, TenantModel


class RuleSet(TenantModel):
    """All rules in force at a moment, frozen: a decision names the one it used. A trigger refuses any change."""

    number = models.PositiveIntegerField(_("number"), help_text="1 for the tenant's first, and on.")
    name = models.CharField(_("name"), max_length=64, help_text="Family it belongs to, such as recommended.")
    content = models.TextField(
        _("content"), help_text="All that deciding needs, as canonical JSON; PostgreSQL checks its digest."
    )
    catalogue_version = models.CharField(
        _("feature catalogue"), max_length=12, help_text="Catalogue under which the expressions were checked."
    )
    digest = models.CharField(_("digest"), max_length=64, help_text="SHA-256 of the content.")
    note = models.CharField(_("note on the change"), max_length=300, blank=True, default="", help_text="What changed.")
    created_at = models.DateTimeField(_("created at"), help_text="When.")
    created_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("made by"),
        help_text="Whose change made it; nobody where the product installed it.",
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        [
            "id",
            "tenant",
            "number",
            "name",
            "content",
            "catalogue_version",
            "digest",
            "note",
            "created_at",
            "created_by",
        ],
        NONE,
    )
    RETENTION: ClassVar[str] = "as long as decisions name it"

    class Meta:
        verbose_name = _("rule set")
        verbose_name_plural = _("rule sets")
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="rule_set_number_once_per_tenant"),
            models.UniqueConstraint(fields=["id", "tenant"], name="rule_set_id_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.name} #{self.number}"


class ActiveRuleSet(TenantModel):
    """Which snapshot decides now, one row a tenant. The counter tells each process that it has changed."""

    ruleset = TenantForeignKey(
        RuleSet,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("rule set"),
        help_text="The snapshot in force.",
    )
    version = models.PositiveBigIntegerField(_("counter"), help_text="Grows with each activation.")
    changed_at = models.DateTimeField(_("changed at"), help_text="When.")
    changed_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("changed by"), help_text="By whom."
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["id", "tenant", "ruleset", "version", "changed_at", "changed_by"], NONE
    )
    RETENTION: ClassVar[str] = "as long as the contract"

    class Meta:
        verbose_name = _("rule set in force")
        verbose_name_plural = _("rule sets in force")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="one_rule_set_in_force_per_tenant")]

    def __str__(self) -> str:
        return str(self.ruleset)
