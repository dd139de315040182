from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE

UNIT_RANGE = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))]


class AlertPolicy(models.TextChoices):
    OUTCOME = "outcome", _("By outcome")
    POINTS = "points", _("By points, and failed payments")


class Tenant(models.Model):
    """An organisation whose payments are watched. Its thresholds and weights steer its decisions, nobody else's."""

    slug = models.SlugField(_("slug"), unique=True, help_text="Short name in addresses and commands.")
    name = models.CharField(_("name"), max_length=120, help_text="Name shown to people.")
    locale = models.CharField(
        _("language"),
        max_length=5,
        default="fr",
        choices=[("fr", _("French")), ("en", _("English"))],
        help_text="Language of what the tenant's people and customers receive.",
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="Europe/Paris",
        help_text="IANA zone in which the tenant's days and nights are counted.",
    )
    challenge_threshold = models.DecimalField(
        _("challenge from"),
        max_digits=4,
        decimal_places=3,
        default=Decimal("0.300"),
        validators=UNIT_RANGE,
        help_text="Score from which a payment is challenged.",
    )
    deny_threshold = models.DecimalField(
        _("deny from"),
        max_digits=4,
        decimal_places=3,
        default=Decimal("0.700"),
        validators=UNIT_RANGE,
        help_text="Score from which a payment is denied.",
    )
    scorer_weight = models.DecimalField(
        _("weight of the scorer"),
        max_digits=4,
        decimal_places=3,
        default=Decimal("0.700"),
        validators=UNIT_RANGE,
        help_text="Share of the learned scorer in the score; the rules have the rest.",
    )
    rules_alone_threshold = models.DecimalField(
        _("deny from, rules alone"),
        max_digits=4,
        decimal_places=3,
        default=Decimal("0.700"),
        validators=UNIT_RANGE,
        help_text="Score from which rules deny while the scorer does not answer.",
    )
    scorer_alone_threshold = models.DecimalField(
        _("deny from, scorer alone"),
        max_digits=4,
        decimal_places=3,
        default=Decimal("0.500"),
        validators=UNIT_RANGE,
        help_text="Score from which the scorer denies while the rules do not answer.",
    )
    alert_policy = models.CharField(
        _("alerts"),
        max_length=8,
        default=AlertPolicy.OUTCOME,
        choices=AlertPolicy.choices,
        help_text="What raises an alert: an outcome above allow, or points and failed payments.",
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, help_text="When the tenant was set up.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        [
            "id",
            "slug",
            "name",
            "locale",
            "time_zone",
            "challenge_threshold",
            "deny_threshold",
            "scorer_weight",
            "rules_alone_threshold",
            "scorer_alone_threshold",
            "alert_policy",
            "created_at",
        ],
        NONE,
    )
    RETENTION: ClassVar[str] = "as long as the contract"

    class Meta:
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    challenge_threshold__gte=0, deny_threshold__lte=1, challenge_threshold__lte=F("deny_threshold")
                ),
                name="tenant_thresholds_in_order",
            ),
            models.CheckConstraint(
                condition=Q(scorer_weight__gte=0, scorer_weight__lte=1), name="tenant_weight_is_a_share"
            ),
            models.CheckConstraint(
                condition=Q(
                    rules_alone_threshold__gte=0,
                    rules_alone_threshold__lte=1,
                    scorer_alone_threshold__gte=0,
                    scorer_alone_threshold__lte=1,
                ),
                name="tenant_degraded_thresholds_are_shares",
            ),
        ]

    def __str__(self) -> str:
        return self.name
