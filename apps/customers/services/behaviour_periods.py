"""Which hours and days are to be counted again: marks folded into periods, and periods claimed one by one.

A period says how often it changed and which change its last count has seen. So a count that dies, comes twice or is
overtaken leaves the period to be counted again, and nothing is held locked while the store counts.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from apps.compliance.models import Tenant
from apps.customers.models import PeriodKind
from apps.customers.services.behaviour import EVENTS
from kivendtout.lib.documents import COLLECTIONS

HOUR: Final = timedelta(hours=1)
# One statement's worth; twenty thousand events a second leave a few dozen marks.
MARKS: Final = 10_000
# Far longer than counting takes. A count that is still at it then is not believed any more.
CLAIM: Final = timedelta(minutes=30)

_FOLD: Final = """
DELETE FROM customers_behaviourmark WHERE id IN (
    SELECT id FROM customers_behaviourmark ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING tenant_id, hour
"""
_CHANGED: Final = """
INSERT INTO customers_behaviourperiod (tenant_id, kind, starts_at, ends_at, day, changes, counted, not_before)
VALUES (%s, %s, %s, %s, %s, 1, 0, %s)
ON CONFLICT (tenant_id, kind, starts_at) DO UPDATE SET changes = customers_behaviourperiod.changes + 1
"""
# SKIP LOCKED: two that claim at once take two periods.
_CLAIM: Final = """
UPDATE customers_behaviourperiod SET claim = %(claim)s, claimed_until = %(until)s WHERE id = (
    SELECT id FROM customers_behaviourperiod
     WHERE changes > counted AND not_before <= %(now)s AND (claimed_until IS NULL OR claimed_until <= %(now)s)
       AND (%(tenant)s::bigint IS NULL OR tenant_id = %(tenant)s)
     ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, tenant_id, kind, starts_at, ends_at, day, changes
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    id: int
    tenant_id: int
    kind: str
    starts_at: datetime
    ends_at: datetime
    day: date | None
    changes: int
    claim: uuid.UUID


def oldest_counted(now: datetime) -> datetime:
    return now - COLLECTIONS[EVENTS].retention


def marks_fold(*, now: datetime) -> int:
    """Every mark that is there, in short transactions; how many there were."""
    zones: dict[int, ZoneInfo] = {}
    total = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_FOLD, [MARKS])
            marks = cursor.fetchall()
            periods_change(set(marks), zones=zones, now=now)
        total += len(marks)
        if len(marks) < MARKS:
            return total


def periods_change(hours: Iterable[tuple[int, datetime]], *, zones: dict[int, ZoneInfo], now: datetime) -> None:
    """These hours and their days are to be counted again; those whose events have begun to expire keep their counts."""
    oldest = oldest_counted(now)
    rows = sorted({row for tenant, hour in hours for row in _periods(tenant, hour, _zone(tenant, zones), oldest)})
    with connection.cursor() as cursor:
        cursor.executemany(_CHANGED, [(tenant, kind, a, b, day or None, now) for tenant, kind, a, b, day in rows])


def _zone(tenant_id: int, zones: dict[int, ZoneInfo]) -> ZoneInfo:
    if tenant_id not in zones:
        zones[tenant_id] = ZoneInfo(Tenant.objects.values_list("time_zone", flat=True).get(pk=tenant_id))
    return zones[tenant_id]


def _periods(tenant: int, hour: datetime, zone: ZoneInfo, oldest: datetime) -> Iterable[tuple[Any, ...]]:
    if hour >= oldest:
        yield tenant, PeriodKind.HOUR.value, hour, hour + HOUR, ""
    # Where a zone is half an hour off, one hour of ours belongs to two days.
    for day in {hour.astimezone(zone).date(), (hour + HOUR - timedelta.resolution).astimezone(zone).date()}:
        start, end = day_bounds(day, zone)
        if start >= oldest:
            yield tenant, PeriodKind.DAY.value, start, end, day.isoformat()


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Days have 23 to 25 hours."""
    start, end = (datetime.combine(one, time(), zone) for one in (day, day + timedelta(days=1)))
    return start.astimezone(UTC), end.astimezone(UTC)


def period_claim(*, now: datetime, tenant_id: int | None = None) -> Claimed | None:
    claim = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"claim": claim, "until": now + CLAIM, "now": now, "tenant": tenant_id})
        rows = cursor.fetchall()
    names = ("id", "tenant_id", "kind", "starts_at", "ends_at", "day", "changes")
    return Claimed(**dict(zip(names, rows[0], strict=True)), claim=claim) if rows else None
