"""Looking for hours in which somebody, a program or a database role acted unlike others and unlike itself.

Two sources, one way: whatever was read is counted by actor and hour, all of these hours together are what is usual, and
those of the latest days are looked at. Scanned again, an hour that was raised stays raised once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from apps.compliance.models import Tenant
from apps.fraud.engine.features.feature import Value
from apps.fraud.models import AnomalyKind
from apps.fraud.scorers.anomaly.activity import HOUR, Act, Hour, Hours, with_norms
from apps.fraud.scorers.anomaly.budget import Candidate, daily_share, oddest
from apps.fraud.scorers.anomaly.detector import Detector
from apps.fraud.scorers.anomaly.field import Field
from apps.fraud.scorers.anomaly.logs import ACCESS, DATABASE, access_values, database_values
from apps.fraud.scorers.anomaly.words import HOURS
from apps.fraud.services.anomalies import Learned, Scan, Told, anomalies_raise, detector_of, scan_noted
from apps.fraud.services.anomalies_words import fields_told
from kivendtout.lib.tenancy import tenant_scope

LEARNED_FROM: Final = timedelta(days=60)
# Of the newest hours these are looked at: a scan that failed at night is made up for by the next one.
LOOKED_AT: Final = timedelta(hours=48)
# Five people's first half week; with less nobody can say what is usual.
LEAST_HOURS: Final = 100


@dataclass(frozen=True, slots=True)
class _Way:
    main: str
    fields: tuple[Field, ...]
    values: Callable[[Hour, dict[str, Value]], dict[str, Value]]


WAYS: Final = {
    AnomalyKind.ACCESS: _Way("acts", ACCESS, access_values),
    AnomalyKind.DATABASE: _Way("statements", DATABASE, database_values),
}


def activity_scan(*, tenant: Tenant, kind: AnomalyKind, acts: Iterable[Act], now: datetime) -> Scan:
    """What has not happened yet by our clock, and the hour that is not over, are left for later."""
    scan, way, hours = Scan(kind), WAYS[kind], Hours()
    over = now.replace(minute=0, second=0, microsecond=0)
    hours.add(act for act in acts if over - LEARNED_FROM <= act.at < over)
    told = list(with_norms(hours.in_order(), main=way.main, zone=ZoneInfo(tenant.time_zone)))
    with tenant_scope(tenant.pk):
        budget = detector_of(kind).daily_budget
        if len(told) >= LEAST_HOURS:
            columns = _columns(way, told)
            forest = Detector(way.fields, columns)
            first, last = told[0][0].start, told[-1][0].start + HOUR
            scan.learned = Learned(f"{kind}-{forest.digest}", len(told), first, last)
            share = daily_share(budget=budget, rows=len(told), seconds=(last - first).total_seconds())
            scan.threshold = forest.threshold(share)
            _raise(tenant, scan, forest, [hour for hour, _values in told], columns, now)
        scan_noted(scan=scan, end=over, now=now)
    return scan


def _columns(way: _Way, told: list[tuple[Hour, dict[str, Value]]]) -> dict[str, list[Value]]:
    rows = [way.values(hour, values) for hour, values in told]
    return {field.name: [row[field.name] for row in rows] for field in way.fields}


def _raise(
    tenant: Tenant, scan: Scan, forest: Detector, hours: list[Hour], columns: dict[str, list[Value]], now: datetime
) -> None:
    assert scan.learned is not None
    since = scan.learned.end - LOOKED_AT
    scan.rows = sum(hour.start >= since for hour in hours)
    candidates = oddest(
        Candidate(score, hours[place].actor, hours[place].start, place)
        for score, place in forest.odd(columns, scan.threshold or 0)
        if hours[place].start >= since
    )

    def tell(one: Candidate) -> Told:
        named = forest.why(columns, one.place)
        return Told(forest.unusual(one.score), fields_told(named, HOURS), one.start + HOUR)

    anomalies_raise(tenant=tenant, scan=scan, learned=scan.learned, candidates=candidates, tell=tell, now=now)
