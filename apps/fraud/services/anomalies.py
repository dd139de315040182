"""Raising anomalies: the oddest first, a few a day, none twice. Whatever finds them, payments or activity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction

from apps.compliance.models import Tenant
from apps.fraud.models import Anomaly, AnomalyDetector, AnomalyKind
from apps.fraud.scorers.anomaly.budget import Candidate
from apps.fraud.selectors.anomalies import anomalies_known, anomalies_raised_since, day_of
from kivendtout.lib.tenancy import require_tenant_id

# What a team can look at beside its alerts; each tenant sets its own.
BUDGETS: Final[dict[str, int]] = {AnomalyKind.PAYMENT: 20, AnomalyKind.ACCESS: 5, AnomalyKind.DATABASE: 5}


@dataclass(frozen=True, slots=True)
class Learned:
    """What the detector was, and what it learned from."""

    detector: str
    rows: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What a candidate's alert says of it."""

    unusual: float
    fields: list[dict[str, Any]]
    end: datetime
    payment: int | None = None


@dataclass(slots=True)
class Scan:
    kind: str
    rows: int = 0
    """Looked at."""
    learned: Learned | None = None
    """None: too little to learn from, so nothing was looked for."""
    threshold: float | None = None
    odd: int = 0
    """Above the threshold, one of each actor in a period."""
    known: int = 0
    """Of those, raised by an earlier scan."""
    left_out: int = 0
    """Of those, too many for the day."""
    raised: list[Anomaly] = field(default_factory=list)


def detector_of(kind: str) -> AnomalyDetector:
    """In the tenant in force."""
    found: AnomalyDetector
    found, _made = AnomalyDetector.objects.get_or_create(
        kind=kind, tenant_id=require_tenant_id(), defaults={"daily_budget": BUDGETS[kind]}
    )
    return found


def anomalies_raise(
    *,
    tenant: Tenant,
    scan: Scan,
    learned: Learned,
    candidates: Sequence[Candidate],
    tell: Callable[[Candidate], Told],
    now: datetime,
) -> None:
    """In the tenant in force; `candidates` with the oddest first. Fills in what became of them."""
    today, _tomorrow = day_of(now.astimezone(ZoneInfo(tenant.time_zone)))
    scan.odd = len(candidates)
    if not candidates:
        return
    with transaction.atomic():
        # Two scans at once would each spend the day's budget: the second waits for the first.
        detector = AnomalyDetector.objects.select_for_update().get(kind=scan.kind)
        known = anomalies_known(kind=scan.kind, since=min(one.start for one in candidates) - timedelta(seconds=1))
        fresh = [one for one in candidates if (one.actor, one.start) not in known]
        room = max(detector.daily_budget - anomalies_raised_since(kind=scan.kind, moment=today), 0)
        scan.known, scan.left_out = len(candidates) - len(fresh), max(len(fresh) - room, 0)
        made = [_anomaly(scan.kind, one, tell(one), learned, now, tenant) for one in fresh[:room]]
        scan.raised = Anomaly.objects.bulk_create(made)


def scan_noted(*, scan: Scan, end: datetime | None, now: datetime) -> None:
    """In the tenant in force. `end`: up to where everything has been looked at now."""
    values: dict[str, Any] = {"scanned_at": now, "scanned_rows": scan.rows}
    if scan.learned is not None:
        values["detector"] = scan.learned.detector
    if end is not None:
        values["scanned_to"] = end
    AnomalyDetector.objects.filter(kind=scan.kind).update(**values)


def _anomaly(kind: str, one: Candidate, told: Told, learned: Learned, now: datetime, tenant: Tenant) -> Anomaly:
    return Anomaly(
        tenant_id=tenant.pk,
        kind=kind,
        actor=one.actor,
        payment_id=told.payment,
        period_start=one.start,
        period_end=told.end,
        score=one.score,
        unusual=told.unusual,
        fields=told.fields,
        detector=learned.detector,
        sample_rows=learned.rows,
        sample_start=learned.start,
        sample_end=learned.end,
        raised_at=now,
    )
