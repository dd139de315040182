"""Looking for odd payments among those decided on since the last scan. What is found decides nothing.

The forest is made anew each time, from the latest month's stored feature rows: nothing trained is kept, so nothing has
to be trusted when it is read again. It takes about a second for the fifty thousand rows that it learns from at most.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo

from apps.compliance.models import Tenant
from apps.fraud.engine.features.catalogue import VERSION
from apps.fraud.engine.features.feature import Value
from apps.fraud.models import AnomalyKind, Decision
from apps.fraud.scorers.anomaly.budget import Candidate, Top, daily_share, oddest
from apps.fraud.scorers.anomaly.detector import Detector
from apps.fraud.scorers.anomaly.payments import FIELDS, NAMES
from apps.fraud.scorers.anomaly.words import PAYMENTS
from apps.fraud.selectors.anomalies import day_of, decision_rows, decisions_between, payments_whose
from apps.fraud.services.anomalies import Learned, Scan, Told, anomalies_raise, detector_of, scan_noted
from apps.fraud.services.anomalies_words import fields_told
from kivendtout.lib.tenancy import tenant_scope

LEARNED_FROM: Final = timedelta(days=30)
MOST_ROWS: Final = 50_000
# With fewer nobody can say what is usual.
LEAST_ROWS: Final = 500
FIRST_SCAN: Final = timedelta(days=1)
# A decision is stamped before its transaction ends: what ended late is looked at by the next scan.
OVERLAP: Final = timedelta(minutes=10)


def payments_scan(*, tenant: Tenant, now: datetime, start: datetime | None = None, end: datetime | None = None) -> Scan:
    """Of the decisions since the last scan, or of a period; by the moment at which they were decided on."""
    scan, whole = Scan(AnomalyKind.PAYMENT), start is None and end is None
    with tenant_scope(tenant.pk):
        detector = detector_of(scan.kind)
        until = end or now
        since = start or (detector.scanned_to - OVERLAP if whole and detector.scanned_to else until - FIRST_SCAN)
        found = _learn(since, until, detector.daily_budget)
        if found is not None:
            forest, scan.learned, scan.threshold = found
            top = _odd(scan, forest, since, until)
            _raise(tenant, scan, forest, top, now)
        scan_noted(scan=scan, end=until if whole and found else None, now=now)
    return scan


def _learn(since: datetime, until: datetime, budget: int) -> tuple[Detector, Learned, float] | None:
    start = min(since, until - LEARNED_FROM)
    decisions = decisions_between(start, until)
    count = decisions.count()
    if count < LEAST_ROWS:
        return None
    columns: dict[str, list[Value]] = {name: [] for name in NAMES}
    for rows in decision_rows(decisions, NAMES, one_in=ceil(count / MOST_ROWS)):
        for name, values in rows.columns.items():
            columns[name] += values
    forest = Detector(FIELDS, columns)
    first = decisions.order_by("decided_at").values_list("decided_at", flat=True)[:1].get()
    share = daily_share(budget=budget, rows=count, seconds=(until - first).total_seconds())
    learned = Learned(f"payments-{VERSION}-{forest.digest}", forest.rows, first, until)
    return forest, learned, forest.threshold(share)


def _odd(scan: Scan, forest: Detector, since: datetime, until: datetime) -> dict[int, float]:
    """Scores by payment; of the oddest, when they are very many."""
    top = Top()
    for rows in decision_rows(decisions_between(since, until), NAMES):
        scan.rows += len(rows.payments)
        found = forest.odd(rows.columns, scan.threshold or 0)
        top.add((score, rows.payments[place]) for score, place in found)
    return {payment: score for score, payment in top.kept}


def _raise(tenant: Tenant, scan: Scan, forest: Detector, odd: dict[int, float], now: datetime) -> None:
    zone = ZoneInfo(tenant.time_zone)
    days = {
        payment: (customer, day_of(at.astimezone(zone)))
        for payment, (customer, at) in payments_whose(tenant_id=tenant.pk, payments=list(odd)).items()
    }
    candidates = oddest(Candidate(odd[payment], customer, day[0], payment) for payment, (customer, day) in days.items())

    def tell(one: Candidate) -> Told:
        rows = next(decision_rows(Decision.objects.filter(pk=one.place), NAMES))
        named = forest.why(rows.columns, 0)
        return Told(forest.unusual(one.score), fields_told(named, PAYMENTS), days[one.place][1][1], one.place)

    assert scan.learned is not None
    anomalies_raise(tenant=tenant, scan=scan, learned=scan.learned, candidates=candidates, tell=tell, now=now)
