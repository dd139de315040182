"""Roll-ups of behaviour. The document store has the events; these tables are counted from it and can be made again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.compliance.models.base import NONE, TenantModel

KEPT: str = "as long as the contract"


class FunnelStep(models.TextChoices):
    PAGE_VIEW = "page_view", _("Page seen")
    PRODUCT_VIEW = "product_view", _("Product seen")
    ADD_TO_CART = "add_to_cart", _("Put into the cart")
    CHECKOUT = "checkout", _("Checkout begun")


class PeriodKind(models.TextChoices):
    HOUR = "hour", _("Hour")
    DAY = "day", _("Day")


class BehaviourMark(TenantModel):
    """ "Events of this hour were stored." Written with them, taken away by the count; rows are only ever added, so
    workers that store events of the same hour never wait for each other."""

    hour = models.DateTimeField(_("hour"), help_text="The hour, UTC.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["id", "tenant", "hour"], NONE)
    RETENTION: ClassVar[str] = "a minute"

    class Meta:
        verbose_name = _("mark of counted behaviour")
        verbose_name_plural = _("marks of counted behaviour")


class BehaviourPeriod(TenantModel):
    """An hour, or a day of the tenant's own time zone, and how far its count has come."""

    kind = models.CharField(_("kind"), max_length=4, choices=PeriodKind.choices, help_text="Hour or day.")
    starts_at = models.DateTimeField(_("starts at"), help_text="Its first moment.")
    ends_at = models.DateTimeField(_("ends at"), help_text="The first moment after it.")
    day = models.DateField(_("day"), null=True, help_text="The tenant's day, for days.")
    changes = models.BigIntegerField(_("changes"), help_text="How often events were added to it.")
    counted = models.BigIntegerField(_("counted"), default=0, help_text="The changes that the last count has seen.")
    counted_at = models.DateTimeField(_("counted at"), null=True, help_text="When it was last counted.")
    not_before = models.DateTimeField(_("not before"), help_text="A long count is not repeated at once.")
    claim = models.UUIDField(_("claim"), null=True, help_text="Who counts it now.")
    claimed_until = models.DateTimeField(_("claimed until"), null=True, help_text="Then another may.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        [
            "id", "tenant", "kind", "starts_at", "ends_at", "day", "changes", "counted", "counted_at", "not_before",
            "claim", "claimed_until",
        ],
        NONE,
    )  # fmt: skip
    RETENTION: ClassVar[str] = KEPT

    class Meta:
        verbose_name = _("counted period")
        verbose_name_plural = _("counted periods")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kind", "starts_at"], name="behaviour_period_once"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="behaviour_period_ends_later"),
        ]
        indexes = [
            models.Index(fields=["not_before"], condition=Q(changes__gt=F("counted")), name="behaviour_period_to_count")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.starts_at:%Y-%m-%d %H:%M}"


class FunnelHour(TenantModel):
    """What visits did within one hour, by step."""

    hour = models.DateTimeField(_("hour"), help_text="The hour, UTC.")
    step = models.CharField(_("step"), max_length=16, choices=FunnelStep.choices, help_text="Step of the funnel.")
    events = models.BigIntegerField(_("events"), help_text="Events of that step.")
    sessions = models.BigIntegerField(_("sessions"), help_text="Different visits with such an event.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(
        ["id", "tenant", "hour", "step", "events", "sessions"], NONE
    )
    RETENTION: ClassVar[str] = KEPT

    class Meta:
        verbose_name = _("funnel of an hour")
        verbose_name_plural = _("funnels by hour")
        constraints = [models.UniqueConstraint(fields=["tenant", "hour", "step"], name="funnel_hour_step_once")]


class SessionDay(TenantModel):
    """How many visits a day had."""

    day = models.DateField(_("day"), help_text="Day in the tenant's time zone.")
    sessions = models.BigIntegerField(_("sessions"), help_text="Different visits with an event that day.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["id", "tenant", "day", "sessions"], NONE)
    RETENTION: ClassVar[str] = KEPT

    class Meta:
        verbose_name = _("visits of a day")
        verbose_name_plural = _("visits by day")
        constraints = [models.UniqueConstraint(fields=["tenant", "day"], name="session_day_once")]


class ProductDay(TenantModel):
    """How often a product was seen on a day."""

    day = models.DateField(_("day"), help_text="Day in the tenant's time zone.")
    product = models.CharField(_("product"), max_length=64, help_text="The tenant's own id of the product.")
    views = models.BigIntegerField(_("views"), help_text="How often its page was seen.")

    CLASSIFICATION: ClassVar[dict[str, str]] = dict.fromkeys(["id", "tenant", "day", "product", "views"], NONE)
    RETENTION: ClassVar[str] = KEPT

    class Meta:
        verbose_name = _("product views of a day")
        verbose_name_plural = _("product views by day")
        constraints = [models.UniqueConstraint(fields=["tenant", "day", "product"], name="product_day_once")]
