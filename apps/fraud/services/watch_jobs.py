"""What the jobs worker does by itself for every tenant: watch yesterday, and train where it is due."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from apps.compliance.models import Tenant, User
from apps.fraud.services.retraining import RetrainingRuns, retrain, retraining_due, retraining_wanted
from apps.fraud.services.scorer_watch import scorers_watch
from kivendtout.lib.tenancy import across_tenants

log = structlog.get_logger(__name__)


def yesterday_of(tenant: Tenant, now: datetime) -> date:
    """The last day that is over where the tenant counts its days."""
    return now.astimezone(ZoneInfo(tenant.time_zone)).date() - timedelta(days=1)


def watch_everyone(*, now: datetime) -> int:
    """How many days of scorers were looked at. One tenant's trouble is not another one's."""
    watched = 0
    for tenant in Tenant.objects.order_by("pk"):
        day = yesterday_of(tenant, now)
        try:
            watched += len(scorers_watch(tenant_id=tenant.pk, day=day, now=now))
            if retraining_wanted(tenant_id=tenant.pk, day=day, now=now):
                _retrain(tenant, "drift", now)
        except Exception:
            log.error("scorers_not_watched", tenant=tenant.pk, day=day.isoformat(), exc_info=True)
    return watched


def retrain_everyone_due(*, now: datetime) -> int:
    """How many were trained."""
    due = [one for one in Tenant.objects.order_by("pk") if retraining_due(tenant_id=one.pk, now=now)]
    return sum(_retrain(tenant, "schedule", now) for tenant in due)


def retrain_asked(*, tenant_id: int, actor_id: int | None, why: str, now: datetime) -> bool:
    """For the button. Whoever pressed it may have lost the right since; then nothing is trained."""
    with across_tenants():
        actor = User.objects.get(pk=actor_id) if actor_id is not None else None
    return _retrain(Tenant.objects.get(pk=tenant_id), why, now, actor)


def _retrain(tenant: Tenant, why: str, now: datetime, actor: User | None = None) -> bool:
    try:
        return retrain(tenant_id=tenant.pk, why=why, actor=actor, now=now) is not None
    except RetrainingRuns:
        log.info("retraining_runs_already", tenant=tenant.pk, why=why)
        return False
