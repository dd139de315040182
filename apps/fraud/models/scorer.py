"""Learned scorers: what each is, where it stands, which of them decides now, and what was proposed about it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.compliance.models import User
from apps.compliance.models.base import NONE, TenantForeignKey, TenantModel


class Scorer(TenantModel):
    """One trained artefact. What it is never changes; where it stands does."""

    class Stage(models.TextChoices):
        CANDIDATE = "candidate", _("Candidate")
        SHADOW = "shadow", _("On trial")
        CHAMPION = "champion", _("Decides")
        ARCHIVED = "archived", _("Archived")

    number = models.PositiveIntegerField(_("number"), help_text="1 for the tenant's first, and on.")
    stage = models.CharField(
        _("stage"), max_length=16, choices=Stage.choices, default=Stage.CANDIDATE, help_text="Where it stands."
    )
    digest = models.CharField(_("digest"), max_length=64, help_text="SHA-256 of the artefact.")
    catalogue_version = models.CharField(
        _("feature catalogue"), max_length=12, help_text="Catalogue whose rows it learned from."
    )
    data_from = models.DateTimeField(_("data from"), help_text="First payment it learned from.")
    data_until = models.DateTimeField(_("data until"), help_text="It learned from payments before this moment.")
    known_on = models.DateTimeField(_("labels as known on"), help_text="Which labels had arrived when it learned.")
    label_delay_days = models.FloatField(_("label delay"), help_text="Days left out for labels to arrive.")
    seed = models.BigIntegerField(_("seed"), help_text="The same data and seed give the same artefact.")
    parameters = models.JSONField(_("parameters"), help_text="Of the booster, and how they were found.")
    report = models.JSONField(_("report"), help_text="All that was measured on the held-out period.")
    operating = models.JSONField(
        _("operating point"), help_text="Thresholds and weight proposed with it: challenge, deny, weight, alone."
    )
    baseline = models.JSONField(
        _("training distributions"), help_text="Of each feature and the score, to watch the live ones against."
    )
    run_id = models.CharField(
        _("MLflow run"), max_length=64, blank=True, default="", help_text="Empty when the registry did not answer."
    )
    note = models.CharField(_("note"), max_length=300, blank=True, default="", help_text="Why it was trained.")
    made_at = models.DateTimeField(_("made at"), help_text="When.")
    made_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("made by"),
        help_text="Who had it trained; nobody where a schedule did.",
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        [
            "id", "tenant", "number", "stage", "digest", "catalogue_version", "data_from", "data_until", "known_on",
            "label_delay_days", "seed", "parameters", "report", "operating", "baseline", "run_id", "note", "made_at",
            "made_by",
        ],
        NONE,
    )  # fmt: skip
    RETENTION: ClassVar[str] = "as long as decisions name it"

    class Meta:
        verbose_name = _("scorer")
        verbose_name_plural = _("scorers")
        ordering = ["-number"]
        permissions = [
            ("propose_scorer", "Can propose a scorer for production"),
            ("promote_scorer", "Can let a proposed scorer decide"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="scorer_number_once_per_tenant"),
            models.UniqueConstraint(fields=["id", "tenant"], name="scorer_id_tenant"),
            models.UniqueConstraint(fields=["tenant"], condition=Q(stage="champion"), name="one_champion_per_tenant"),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"

    @property
    def version(self) -> str:
        """How decisions name it."""
        return f"{self.number}:{self.digest[:12]}"


class ScorerArtefact(TenantModel):
    """The bytes, apart from what lists and pages read."""

    scorer = TenantForeignKey(
        Scorer,
        on_delete=models.PROTECT,
        related_name="artefacts",
        verbose_name=_("scorer"),
        help_text="Whose bytes these are.",
    )
    content = models.BinaryField(_("content"), help_text="Header and booster; its SHA-256 is the scorer's digest.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["id", "tenant", "scorer", "content"], NONE)
    RETENTION: ClassVar[str] = "as long as decisions name it"

    class Meta:
        verbose_name = _("scorer's artefact")
        verbose_name_plural = _("scorers' artefacts")
        constraints = [models.UniqueConstraint(fields=["scorer"], name="one_artefact_per_scorer")]

    def __str__(self) -> str:
        return str(self.scorer_id)


class ScorerPicture(TenantModel):
    """A figure of the report, drawn once in each language."""

    scorer = TenantForeignKey(
        Scorer, on_delete=models.CASCADE, related_name="pictures", verbose_name=_("scorer"), help_text="Of which."
    )
    name = models.CharField(_("name"), max_length=32, help_text="Which figure: reliability, money, pr …")
    language = models.CharField(_("language"), max_length=2, help_text="fr or en.")
    svg = models.TextField(_("picture"), help_text="SVG, as drawn.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["id", "tenant", "scorer", "name", "language", "svg"], NONE
    )
    RETENTION: ClassVar[str] = "as long as the scorer"

    class Meta:
        verbose_name = _("scorer's picture")
        verbose_name_plural = _("scorers' pictures")
        constraints = [
            models.UniqueConstraint(fields=["scorer", "name", "language"], name="one_picture_per_name_and_language")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.language}"


class ActiveScorer(TenantModel):
    """What decides now, one row a tenant. The counter tells each process that something of it has changed."""

    scorer = TenantForeignKey(
        Scorer,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("scorer"),
        help_text="The champion; empty: rules decide alone.",
    )
    shadows = models.JSONField(_("on trial"), default=list, help_text="Numbers of the scorers that score silently.")
    version = models.PositiveBigIntegerField(_("counter"), help_text="Grows with each change.")
    challenge = models.FloatField(_("challenge from"), default=0.30, help_text="Combined score, while it decides.")
    deny = models.FloatField(_("deny from"), default=0.70, help_text="Combined score, while it decides.")
    weight = models.FloatField(_("weight"), default=0.70, help_text="Of the scorer in the combined score.")
    alone_deny = models.FloatField(_("deny alone from"), default=0.50, help_text="When the rules are down.")
    changed_at = models.DateTimeField(_("changed at"), help_text="When.")
    changed_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("changed by"), help_text="By whom."
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        [
            "id", "tenant", "scorer", "shadows", "version", "challenge", "deny", "weight", "alone_deny", "changed_at",
            "changed_by",
        ],
        NONE,
    )  # fmt: skip
    RETENTION: ClassVar[str] = "as long as the contract"

    class Meta:
        verbose_name = _("scorer in force")
        verbose_name_plural = _("scorers in force")
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="one_scorer_in_force_per_tenant"),
            models.CheckConstraint(
                condition=Q(challenge__gte=0, deny__lte=1, challenge__lte=F("deny"), weight__gte=0, weight__lte=1)
                & Q(alone_deny__gte=0, alone_deny__lte=1),
                name="operating_point_in_order",
            ),
        ]

    def __str__(self) -> str:
        return str(self.scorer_id or "rules")


class ScorerChange(TenantModel):
    """A proposal about what decides, and what became of it; also changes that needed none. Nothing is deleted."""

    class Kind(models.TextChoices):
        PROMOTE = "promote", _("Promotion")
        GO_BACK = "go_back", _("Return")
        SHADOW = "shadow", _("On trial")
        ARCHIVE = "archive", _("Archived")
        THRESHOLDS = "thresholds", _("Thresholds")
        STAND_DOWN = "stand_down", _("Rules alone")

    class State(models.TextChoices):
        OPEN = "open", _("Waits for a second person")
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices, help_text="What is to change.")
    state = models.CharField(_("state"), max_length=16, choices=State.choices, help_text="What became of it.")
    scorer = TenantForeignKey(
        Scorer,
        null=True,
        on_delete=models.PROTECT,
        related_name="changes",
        verbose_name=_("scorer"),
        help_text="Which scorer; empty for the rules alone.",
    )
    before = models.JSONField(_("before"), help_text="What decided before: scorer's number and operating point.")
    after = models.JSONField(_("after"), help_text="What decides then.")
    statement = models.JSONField(
        _("what will change"), help_text="Alerts a day, customers declined, and the like, reckoned when proposed."
    )
    note = models.CharField(_("note"), max_length=300, blank=True, default="", help_text="Why.")
    asked_at = models.DateTimeField(_("asked at"), help_text="When.")
    asked_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("asked by"), help_text="By whom."
    )
    settled_at = models.DateTimeField(_("settled at"), null=True, help_text="When.")
    settled_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("settled by"), help_text="By whom."
    )

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        [
            "id", "tenant", "kind", "state", "scorer", "before", "after", "statement", "note", "asked_at", "asked_by",
            "settled_at", "settled_by",
        ],
        NONE,
    )  # fmt: skip
    RETENTION: ClassVar[str] = "as long as decisions name it"

    class Meta:
        verbose_name = _("change of scorer")
        verbose_name_plural = _("changes of scorers")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(kind="promote", state="open"), name="one_open_promotion_per_tenant"
            ),
            models.CheckConstraint(
                condition=~Q(kind="promote", state="done") | ~Q(asked_by=F("settled_by")),
                name="promotion_by_two_people",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.scorer_id or ''}"
