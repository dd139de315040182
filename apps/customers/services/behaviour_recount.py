"""Counts a tenant's behaviour anew from the store, whatever the counts say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from apps.compliance.models import Tenant
from apps.customers.models import BehaviourPeriod, PeriodKind, ProductDay, SessionDay
from apps.customers.services.behaviour import EVENTS
from apps.customers.services.behaviour_counts import behaviour_count
from apps.customers.services.behaviour_marks import hour_of
from apps.customers.services.behaviour_periods import HOUR, oldest_counted, periods_change
from kivendtout.lib.documents import document_store
from kivendtout.lib.tenancy import tenant_scope

FOREVER: Final = float("inf")
# Events may be a day ahead of our clock.
AHEAD: Final = timedelta(days=1)


def behaviour_recount(*, tenant: Tenant, now: datetime, since: datetime | None, until: datetime | None) -> int:
    """Every hour and day that the period touches, as far back as events are kept; how many were counted.

    Days are laid anew, as the tenant's time zone may have changed.
    """
    first = hour_of(max(since or _oldest(tenant, now), oldest_counted(now) + HOUR))
    last = min(until or now + AHEAD, now + AHEAD)
    hours = [first + HOUR * n for n in range(max(0, -((first - last) // HOUR)))]
    if not hours:
        return 0
    with transaction.atomic(), tenant_scope(tenant.pk):
        _forget_days(first, hours[-1] + HOUR, oldest_counted(now))
        periods_change([(tenant.pk, hour) for hour in hours], zones={}, now=now)
        BehaviourPeriod.objects.filter(starts_at__lt=last, ends_at__gt=first).update(
            not_before=now, claim=None, claimed_until=None
        )
    return behaviour_count(now=now, seconds=FOREVER, tenant_id=tenant.pk).periods


def _oldest(tenant: Tenant, now: datetime) -> datetime:
    page = document_store().find(EVENTS, tenant.pk, since=oldest_counted(now), limit=1, newest_first=False)
    return page.documents[0]["at"] if page.documents else now + AHEAD


def _forget_days(first: datetime, last: datetime, oldest: datetime) -> None:
    days = BehaviourPeriod.objects.filter(
        kind=PeriodKind.DAY, starts_at__gte=oldest, starts_at__lt=last, ends_at__gt=first
    )
    named = list(days.values_list("day", flat=True))
    days.delete()
    for table in (SessionDay, ProductDay):
        table.objects.filter(day__in=named).delete()
