"""The funnel to its end: what visits did, and which of them went on to pay.

Payments are asked for where they are recorded: a page's own word for an attempt may be missing, or be there twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.db.models.functions import TruncHour

from apps.compliance.models import Tenant
from apps.customers.selectors.behaviour_counts import HourFunnel, StepCount, funnel_per_hour
from apps.payments.models import Payment
from kivendtout.lib.tenancy import tenant_scope

PAYMENT = "payment"


@dataclass(frozen=True, slots=True)
class PaidHour:
    hour: datetime
    count: StepCount


def funnel_with_payments(*, tenant: Tenant, since: datetime, until: datetime) -> list[HourFunnel]:
    """`funnel_per_hour` with a last step `payment`: attempts of that hour, and the visits that made them."""
    found = {one.hour: one for one in funnel_per_hour(tenant=tenant, since=since, until=until)}
    for paid in _paid(tenant, since, until):
        found.setdefault(paid.hour, HourFunnel(paid.hour)).steps[PAYMENT] = paid.count
    for one in found.values():
        one.steps.setdefault(PAYMENT, StepCount())
    return [found[hour] for hour in sorted(found)]


def _paid(tenant: Tenant, since: datetime, until: datetime) -> list[PaidHour]:
    with tenant_scope(tenant.pk):
        rows = (
            Payment.objects.filter(attempted_at__gte=since, attempted_at__lt=until)
            .annotate(hour=TruncHour("attempted_at"))
            .values("hour")
            .annotate(events=Count("pk"), sessions=Count("session_id", distinct=True))
            .order_by("hour")
        )
        return [PaidHour(row["hour"], StepCount(row["events"], row["sessions"])) for row in rows]
