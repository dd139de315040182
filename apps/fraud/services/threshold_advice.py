"""From which score alerts would be as many again as they usually are."""

from __future__ import annotations

from datetime import date
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from apps.compliance.models import Tenant
from apps.fraud.models import ActiveScorer, OperationalAlert
from apps.fraud.selectors import watch
from apps.fraud.services.scorer_return import bounds

# A threshold is read by people: three decimals, and the third is a handful of alerts in the largest shop.
DIGITS: Final = 3
# A day with more alerts than this needs a person's judgement, not a sorted list.
MOST_ALERTS: Final = 100_000


class Advice(Struct, frozen=True):
    now: float
    challenge: float
    """What the form offers."""
    least: float
    most: float
    """Between which one person may move it."""
    usual: float | None = None
    """How many alerts a day it brings back, where the day is known."""


def threshold_advice(*, alert: OperationalAlert, active: ActiveScorer) -> Advice:
    """Of the day that the alert is about, whatever decided alerts by rules alone stays: no threshold removes those."""
    least, most = bounds(active).get("challenge", (0.0, 1.0))
    most = min(most, active.deny)
    usual = alert.facts.get("usual")
    wanted = _bringing_back(alert, usual) if isinstance(usual, int | float) else None
    if wanted is None or wanted <= active.challenge:
        return Advice(active.challenge, round(active.challenge, DIGITS), least, most)
    return Advice(active.challenge, min(wanted, most), least, most, float(usual or 0))


def _bringing_back(alert: OperationalAlert, usual: float) -> float | None:
    if alert.scorer is None or not alert.facts.get("day"):
        return None
    zone = ZoneInfo(Tenant.objects.get(pk=alert.tenant_id).time_zone)
    period = watch.day_period(date.fromisoformat(alert.facts["day"]), zone)
    scores = watch.alert_scores(alert.scorer, period, most=MOST_ALERTS)
    if len(scores) <= usual:
        return None
    # Above the first one too many: rounded up, so that it stays out.
    return ceil(scores[int(usual)] * 10**DIGITS + 1e-6) / 10**DIGITS
