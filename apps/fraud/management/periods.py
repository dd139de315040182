"""What commands about the past share: the tenant they look at, and the period."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import CommandError

from apps.compliance.models import Tenant
from apps.fraud.services.history import Period
from kivendtout.lib.errors import KvtError


def add_period(parser: ArgumentParser) -> None:
    parser.add_argument("--tenant", default=settings.DEMO_TENANT, help="slug of the tenant")
    parser.add_argument("--from", dest="start", help="first day (2025-12-01) or moment; all there is otherwise")
    parser.add_argument("--to", dest="end", help="day or moment at which the period ends, itself no longer in it")
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")


def tenant_asked(options: dict[str, Any]) -> Tenant:
    tenant = Tenant.objects.filter(slug=options["tenant"]).first()
    if tenant is None:
        raise CommandError(f"There is no tenant {options['tenant']!r}. Load its data first, or name another one.")
    return tenant


def period_asked(options: dict[str, Any], tenant: Tenant) -> Period:
    """Days begin at midnight in the tenant's own time zone."""
    zone = ZoneInfo(tenant.time_zone)
    try:
        return Period(_moment(options["start"], "--from", zone), _moment(options["end"], "--to", zone))
    except KvtError as error:
        raise CommandError(error.message) from error


def moment_asked(text: str | None, name: str, tenant: Tenant | None = None) -> datetime | None:
    """A day begins at midnight in the tenant's time zone; UTC's without one."""
    return _moment(text, name, ZoneInfo(tenant.time_zone if tenant else "UTC"))


def _moment(text: str | None, name: str, zone: ZoneInfo) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"{name} takes a day or a moment, like 2025-12-01 or 2025-12-01T18:30; not {text!r}."
        ) from None
    return found.replace(tzinfo=zone) if found.tzinfo is None else found
