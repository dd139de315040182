"""A day of each scorer that decides or is on trial, held against its training and against what labels say by now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from django.db import transaction
from django.utils.translation import gettext_noop

from apps.compliance.models import Tenant
from apps.fraud.models import OperationalAlert, Scorer, ScorerWatch
from apps.fraud.selectors import watch
from apps.fraud.services.operational_alerts import operational_alert_raise
from apps.fraud.services.scorer_watch_bounds import Out
from apps.fraud.services.scorer_watch_figures import Day, day_looked_at
from apps.fraud.services.scorer_watch_page import page_made
from kivendtout.lib.errors import InvalidInput
from kivendtout.lib.tenancy import across_tenants, tenant_scope

# As the model says. A page weighs a megabyte, the figures some tens of kilobytes.
KEPT_DAYS: Final = 400
PAGES_KEPT_DAYS: Final = 35
# Handled ones; what nobody has looked at stays.
ALERTS_KEPT_DAYS: Final = 2 * 365


class DayNotOver(InvalidInput):
    code = "day_not_over"
    message = gettext_noop("%(day)s is not over yet where this organisation counts its days. Watch it tomorrow.")


def scorers_watch(*, tenant_id: int, day: date, now: datetime) -> list[ScorerWatch]:
    """Repeating it gives the same rows, with what labels have said since; what was told of a day is told once."""
    with tenant_scope(tenant_id):
        zone = ZoneInfo(Tenant.objects.get(pk=tenant_id).time_zone)
        if watch.day_period(day, zone).end > now:
            raise DayNotOver(DayNotOver.message, day=day.isoformat())
        found = []
        for one in watch.scorers_watched():
            looked = day_looked_at(one, day, zone, now)
            found.append(_keep(one.scorer, day, looked, now))
            _tell(one.scorer, day, looked.out, now)
        return found


def _keep(scorer: Scorer, day: date, found: Day, now: datetime) -> ScorerWatch:
    """A row that would say the same is left as it is."""
    values = _columns(found)
    kept: ScorerWatch | None = ScorerWatch.objects.filter(scorer=scorer, day=day).first()
    if kept is not None and all(getattr(kept, name) == value for name, value in values.items()):
        return kept
    page = page_made(*found.page) if found.page else None
    row: ScorerWatch
    with transaction.atomic():
        row, _made = ScorerWatch.objects.update_or_create(
            scorer=scorer, day=day, defaults={**values, "report": page, "made_at": now}
        )
    return row


def _columns(found: Day) -> dict[str, Any]:
    features = found.drift.features if found.drift else {}
    psis: Mapping[str, float] = {name: one.psi for name, one in features.items() if one.psi is not None}
    worst = max(psis, key=lambda name: psis[name], default="")
    labels = found.figures["labels"]
    return {
        "payments": found.payments,
        "alerts": found.alerts,
        "score_psi": found.drift.score.psi if found.drift else None,
        "worst_psi": psis.get(worst),
        "worst_feature": worst,
        "auc": labels["auc"],
        "precision": labels["precision"],
        "calibration_error": labels["calibration_error"],
        # As JSON gives it back, so that it can be held against what is stored.
        "findings": msgspec.json.decode(msgspec.json.encode({**found.figures, "out": found.out})),
    }


def _tell(scorer: Scorer, day: date, out: list[Out], now: datetime) -> None:
    """Once a day and kind, whoever runs the watch again; an older day is no news when a newer one was told."""
    for one in out:
        told = OperationalAlert.objects.filter(scorer=scorer, kind=one.kind, facts__day__gte=day.isoformat())
        if not told.exists():
            operational_alert_raise(
                tenant_id=scorer.tenant_id, kind=one.kind, scorer=scorer, facts=one.facts, now=now
            )  # fmt: skip


def scorer_watches_forget(*, now: datetime) -> int:
    """Of every tenant. Pages of quiet days go first; those of days that were out of bounds stay with their figures."""
    today = now.date()
    with across_tenants():
        gone, _by_model = ScorerWatch.objects.filter(day__lt=today - timedelta(KEPT_DAYS)).delete()
        quiet = ScorerWatch.objects.filter(day__lt=today - timedelta(PAGES_KEPT_DAYS), findings__out=[])
        quiet.filter(report__isnull=False).update(report=None)
        OperationalAlert.objects.filter(handled_at__lt=now - timedelta(ALERTS_KEPT_DAYS)).delete()
    return gone
