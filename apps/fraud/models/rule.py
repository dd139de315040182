"""Rules and their versions. `rule_schema.py` guards what must not change."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from apps.compliance.models import User
from apps.compliance.models.base import NONE, TenantForeignKey, TenantModel

CODE = r"^[A-Z][A-Z0-9_]*$"
MOST_POINTS = 100


class Rule(TenantModel):
    """A name that alerts, decisions and people use. What it does is in its versions."""

    code = models.CharField(
        _("code"),
        max_length=64,
        validators=[RegexValidator(CODE, _("Use capital letters, digits and underscores, such as NEW_DEVICE."))],
        help_text="Name of the rule, such as NEW_DEVICE. It never changes.",
    )
    created_at = models.DateTimeField(_("created at"), help_text="When its first version was written.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["id", "tenant", "code", "created_at"], NONE)
    RETENTION: ClassVar[str] = "as long as decisions name it"

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "code"], name="rule_code_once_per_tenant"),
            models.UniqueConstraint(fields=["id", "tenant"], name="rule_id_tenant"),
            models.CheckConstraint(condition=Q(code__regex=CODE), name="rule_code_is_a_name"),
        ]

    def __str__(self) -> str:
        return self.code


class RuleVersion(TenantModel):
    """What a rule says. Once it has left draft its content stays as it is; only its state moves on."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SHADOW = "shadow", _("In shadow")
        LIVE = "live", pgettext_lazy("state of a rule", "Live")
        RETIRED = "retired", _("Retired")

    class Action(models.TextChoices):
        ALLOW = "allow", _("Allow")
        CHALLENGE = "challenge", _("Challenge")
        DENY = "deny", _("Deny")

    class Severity(models.TextChoices):
        LOW = "LOW", _("Low")
        MEDIUM = "MEDIUM", _("Medium")
        HIGH = "HIGH", _("High")

    rule = TenantForeignKey(
        Rule,
        on_delete=models.PROTECT,
        related_name="versions",
        verbose_name=_("rule"),
        help_text="The rule it is a version of.",
    )
    number = models.PositiveIntegerField(_("version"), help_text="1 for the first version, and on.")
    state = models.CharField(
        _("state"), max_length=8, choices=State.choices, default=State.DRAFT, help_text="Where it stands."
    )
    expression = models.TextField(_("expression"), help_text="The condition, in the rule language.")
    parameters = models.JSONField(
        _("parameters"), default=dict, blank=True, help_text="Values of the :names that the expression uses."
    )
    points = models.PositiveSmallIntegerField(
        _("points"), null=True, blank=True, help_text="What a hit adds, 0 to 100; empty with a hard action."
    )
    action = models.CharField(
        _("hard action"),
        max_length=9,
        choices=Action.choices,
        blank=True,
        default="",
        help_text="What a hit demands whatever the score; empty with points.",
    )
    sentence_fr = models.CharField(
        _("sentence in French"), max_length=300, help_text="What French readers are told when it hits."
    )
    sentence_en = models.CharField(
        _("sentence in English"), max_length=300, help_text="What English readers are told when it hits."
    )
    severity = models.CharField(
        _("severity"), max_length=6, choices=Severity.choices, default=Severity.MEDIUM, help_text="How grave a hit is."
    )
    owner = models.CharField(_("owner"), max_length=254, help_text="The person or team who answers for it.")
    tags = ArrayField(
        models.CharField(max_length=32),
        verbose_name=_("tags"),
        default=list,
        blank=True,
        help_text="Words to group rules by.",
    )
    valid_from = models.DateTimeField(
        _("valid from"), null=True, blank=True, help_text="Payments attempted before it are not judged by it."
    )
    valid_until = models.DateTimeField(
        _("valid until"), null=True, blank=True, help_text="Payments attempted from then on are not judged by it."
    )
    change_note = models.CharField(
        _("note on the change"), max_length=300, blank=True, default="", help_text="Why this version was made."
    )
    shipped = models.BooleanField(
        _("shipped"), default=False, editable=False, help_text="Installed from a shipped rule set; counts as approved."
    )
    restores = models.PositiveIntegerField(
        _("returns to"), null=True, editable=False, help_text="Number of the earlier version whose content it repeats."
    )
    emergency = models.BooleanField(
        _("immediate return"),
        default=False,
        editable=False,
        help_text="Went live at once, as the version it repeats had been live before.",
    )
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("author"), help_text="Who wrote it."
    )
    created_at = models.DateTimeField(_("created at"), help_text="When.")
    submitted_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("put in shadow by"),
        help_text="Who put it in shadow.",
    )
    submitted_at = models.DateTimeField(_("in shadow since"), null=True, help_text="When it was put in shadow.")
    approved_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("approved by"),
        help_text="The second person, who let it go live.",
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, help_text="When it was approved.")
    live_at = models.DateTimeField(_("live since"), null=True, help_text="When it first went live.")
    retired_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("retired by"),
        help_text="Who retired it, or made the change that replaced it.",
    )
    retired_at = models.DateTimeField(_("retired at"), null=True, help_text="When it was retired.")

    # Colleagues who act are shown by name, as in a payment's history.
    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        [
            "id", "tenant", "rule", "number", "state", "expression", "parameters", "points", "action", "sentence_fr",
            "sentence_en", "severity", "owner", "tags", "valid_from", "valid_until", "change_note", "shipped",
            "restores", "emergency", "created_by", "created_at", "submitted_by", "submitted_at", "approved_by",
            "approved_at", "live_at", "retired_by", "retired_at",
        ],
        NONE,
    )  # fmt: skip
    RETENTION: ClassVar[str] = "as long as decisions name it"

    class Meta:
        verbose_name = _("rule version")
        verbose_name_plural = _("rule versions")
        ordering = ["rule_id", "-number"]
        permissions = [("approve_rule", "Can approve, retire and return rules, and activate rule sets")]
        constraints = [
            models.UniqueConstraint(fields=["rule", "number"], name="rule_version_once"),
            models.UniqueConstraint(fields=["rule"], condition=Q(state="live"), name="rule_one_live_version"),
            models.UniqueConstraint(fields=["rule"], condition=Q(state="shadow"), name="rule_one_shadow_version"),
            models.CheckConstraint(
                condition=Q(points__isnull=False, action="")
                | Q(points__isnull=True, action__in=["allow", "challenge", "deny"]),
                name="rule_points_or_action",
            ),
            models.CheckConstraint(
                condition=Q(points__isnull=True) | Q(points__lte=MOST_POINTS), name="rule_points_to_100"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "shadow", "live", "retired"]), name="rule_state_known"
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_until__isnull=True) | Q(valid_from__lt=F("valid_until")),
                name="rule_valid_in_order",
            ),
            models.CheckConstraint(condition=Q(shipped=True) | Q(created_by__isnull=False), name="rule_has_an_author"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | Q(created_by__isnull=True) | ~Q(approved_by=F("created_by")),
                name="rule_approved_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(state="live")
                | Q(shipped=True)
                | Q(emergency=True)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="rule_live_once_approved",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.rule} v{self.number}"

    @property
    def sentence(self) -> str:
        """In the language of whoever reads."""
        return self.sentence_fr if (get_language() or "fr").startswith("fr") else self.sentence_en
