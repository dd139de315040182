"""Jobs of the watch over scorers, imported by `apps.fraud.tasks`. Training takes minutes, the rest seconds a scorer."""

from __future__ import annotations

from celery import shared_task

from apps.fraud.services.retraining import TASK
from apps.fraud.services.scorer_watch import scorer_watches_forget
from apps.fraud.services.watch_jobs import retrain_asked, retrain_everyone_due, watch_everyone
from kivendtout.lib.clock import now


@shared_task(name="fraud.watch_scorers")
def watch_scorers() -> int:
    return watch_everyone(now=now())


@shared_task(name="fraud.retrain_due")
def retrain_due() -> int:
    return retrain_everyone_due(now=now())


@shared_task(name=TASK)
def retrain_scorer(tenant_id: int, why: str, actor_id: int | None = None) -> bool:
    return retrain_asked(tenant_id=tenant_id, actor_id=actor_id, why=why, now=now())


@shared_task(name="fraud.forget_watches")
def forget_watches() -> int:
    return scorer_watches_forget(now=now())
