"""Roll-ups of behaviour as they stand; at most a minute behind for a shop of some size, longer for a very busy one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import Sum

from apps.compliance.models import Tenant
from apps.customers.models import FunnelHour, FunnelStep, ProductDay, SessionDay
from kivendtout.lib.tenancy import tenant_scope

MOST_PRODUCTS = 1_000


@dataclass(frozen=True, slots=True)
class DaySessions:
    day: date
    sessions: int


@dataclass(frozen=True, slots=True)
class ProductViews:
    product: str
    views: int


@dataclass(frozen=True, slots=True)
class StepCount:
    events: int = 0
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class HourFunnel:
    hour: datetime
    steps: dict[str, StepCount] = field(default_factory=lambda: dict.fromkeys(FunnelStep.values, StepCount()))


def sessions_per_day(*, tenant: Tenant, since: date, until: date) -> list[DaySessions]:
    """Days of the tenant's time zone that had visits, `until` not included, in order."""
    with tenant_scope(tenant.pk):
        rows = SessionDay.objects.filter(day__gte=since, day__lt=until).order_by("day")
        return [DaySessions(day, sessions) for day, sessions in rows.values_list("day", "sessions")]


def top_products(*, tenant: Tenant, since: date, until: date, limit: int = 10) -> list[ProductViews]:
    """The most seen, by their own id where two were seen equally often."""
    with tenant_scope(tenant.pk):
        rows = (
            ProductDay.objects.filter(day__gte=since, day__lt=until)
            .values("product")
            .annotate(seen=Sum("views"))
            .order_by("-seen", "product")
        )
        return [ProductViews(row["product"], row["seen"]) for row in rows[: max(0, min(limit, MOST_PRODUCTS))]]


def funnel_per_hour(*, tenant: Tenant, since: datetime, until: datetime) -> list[HourFunnel]:
    """Hours with visits, in order. A visit counts in each hour and step that it has an event of."""
    hours: dict[datetime, HourFunnel] = {}
    with tenant_scope(tenant.pk):
        rows = FunnelHour.objects.filter(hour__gte=since, hour__lt=until).order_by("hour")
        for hour, step, events, sessions in rows.values_list("hour", "step", "events", "sessions"):
            hours.setdefault(hour, HourFunnel(hour)).steps[step] = StepCount(events, sessions)
    return list(hours.values())
