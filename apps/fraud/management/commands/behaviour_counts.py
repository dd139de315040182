from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError

from apps.compliance.models import Tenant
from apps.customers.selectors.behaviour_counts import HourFunnel, sessions_per_day, top_products
from apps.customers.services.behaviour_recount import behaviour_recount
from apps.fraud.management.periods import add_period, period_asked, tenant_asked
from apps.fraud.selectors.funnel import funnel_with_payments
from apps.fraud.services.history import Period
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError

# What a person reads at once, where no period is named.
DAYS = 7


class Command(BaseCommand):
    help = "Visits by day, the products most seen, and the funnel by hour; the last seven days unless told otherwise."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_period(parser)
        parser.add_argument("--products", type=int, default=10, help="how many products (10)")
        parser.add_argument(
            "--recount",
            action="store_true",
            help="first count the period anew from the stored events: all of them where no period is named",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tenant, moment = tenant_asked(options), now()
        period = period_asked(options, tenant)
        said: dict[str, Any] = {}
        try:
            if options["recount"]:
                said["recounted"] = behaviour_recount(tenant=tenant, now=moment, since=period.start, until=period.end)
        except KvtError as error:
            raise CommandError(error.message) from error
        said |= _counts(tenant, period, moment, options["products"])
        self.stdout.write(json.dumps(said) if options["json"] else _told(said))


def _counts(tenant: Tenant, period: Period, moment: datetime, products: int) -> dict[str, Any]:
    zone = ZoneInfo(tenant.time_zone)
    until = period.end or moment + timedelta(days=1)
    since = period.start or until - timedelta(days=DAYS + 1)
    first, last = since.astimezone(zone).date(), _day_after(until.astimezone(zone))
    return {
        "from": since.isoformat(),
        "to": until.isoformat(),
        "sessions_per_day": {
            one.day.isoformat(): one.sessions for one in sessions_per_day(tenant=tenant, since=first, until=last)
        },
        "top_products": {
            one.product: one.views for one in top_products(tenant=tenant, since=first, until=last, limit=products)
        },
        "funnel_per_hour": [_hour(one) for one in funnel_with_payments(tenant=tenant, since=since, until=until)],
    }


def _day_after(until: datetime) -> date:
    """A day that has begun before `until` is in."""
    return (until - timedelta.resolution).date() + timedelta(days=1)


def _hour(one: HourFunnel) -> dict[str, Any]:
    steps = {step: {"events": count.events, "sessions": count.sessions} for step, count in one.steps.items()}
    return {"hour": one.hour.isoformat(), **steps}


def _told(said: dict[str, Any]) -> str:
    lines = [f"{said['recounted']:,} hours and days counted anew."] if "recounted" in said else []
    lines += ["Visits a day:", *(f"  {day}  {sessions:>9,}" for day, sessions in said["sessions_per_day"].items())]
    lines += ["Products most seen:", *(f"  {name}  {views:,}" for name, views in said["top_products"].items())]
    lines.append("Visits an hour by step:")
    for hour in said["funnel_per_hour"]:
        steps = (f"{step} {count['sessions']:,}" for step, count in hour.items() if step != "hour")
        lines.append(f"  {hour['hour'][:16]}  {' > '.join(steps)}")
    return "\n".join(lines)
