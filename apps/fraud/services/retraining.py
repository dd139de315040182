"""A new scorer trained because time has passed, payments have changed, or somebody asked. It only proposes.

In the jobs worker: training takes minutes and brings libraries that no other process loads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from typing import Any, Final

import structlog
from celery import Celery
from django.conf import settings
from django.db import Error, connection
from django.utils.translation import gettext_noop
from kombu.exceptions import OperationalError

from apps.compliance.models import Tenant, User
from apps.fraud.models import ActiveScorer, OperationalAlert, Scorer
from apps.fraud.scorers.trained import Trained
from apps.fraud.services.operational_alerts import operational_alert_raise, operational_alerts_settle
from apps.fraud.services.retraining_compare import compared
from apps.fraud.services.scorer_force import require_proposer
from apps.fraud.services.scorer_register import scorer_register
from kivendtout.lib.errors import Conflict, KvtError, ServiceUnavailable
from kivendtout.lib.tenancy import tenant_scope

log = structlog.get_logger(__name__)
TASK: Final = "fraud.retrain_scorer"
Kind = OperationalAlert.Kind
Train = Callable[[Tenant, datetime], Trained]
# Minutes of searching for parameters: the payments of live traffic share the machine with it.
BUDGET_MINUTES: Final = 5.0
# Drift lasts; the training that answers it needs a day's payments more to say anything new.
LEAST_APART: Final = timedelta(days=1)
EVERY_DAYS: Final = 7


class RetrainingRuns(Conflict):
    code = "retraining_runs"
    message = gettext_noop(
        "A scorer is being trained already. Wait for it: an operational alert says when it is there."
    )


class JobsAway(ServiceUnavailable):
    code = "jobs_away"
    message = gettext_noop("The job could not be handed over: Redis does not answer. Try again shortly.")


def every_days() -> int:
    """0: nothing is trained that nobody asked for."""
    return int(getattr(settings, "RETRAIN_EVERY_DAYS", EVERY_DAYS))


def retrain_ask(*, tenant_id: int, actor: User) -> None:
    """From a page: the jobs worker does it."""
    require_proposer(actor, tenant_id)
    asked = {"tenant_id": tenant_id, "why": "asked", "actor_id": actor.pk}
    # A producer of its own: the application that workers run knows the stream, and pages need not load it.
    producer = Celery("kivendtout", broker=settings.CELERY_BROKER_URL, set_as_current=False)
    try:
        producer.send_task(TASK, kwargs=asked, queue=settings.CELERY_TASK_DEFAULT_QUEUE, retry=False)
    except OperationalError as error:
        raise JobsAway from error


def retrain(
    *, tenant_id: int, why: str, actor: User | None, now: datetime, train: Train | None = None
) -> Scorer | None:
    """A candidate and an alert that says how it compares; None, and an alert that says why, when it failed.

    `why`: schedule, drift, or asked. One at a time: `RetrainingRuns` while another process trains for this tenant.
    """
    if actor is not None:
        require_proposer(actor, tenant_id)
    with tenant_scope(tenant_id), _alone(tenant_id):
        try:
            trained = (train or _train)(Tenant.objects.get(pk=tenant_id), now)
            note = NOTES.get(why, "")
            scorer = scorer_register(tenant_id=tenant_id, trained=trained, actor=actor, now=now, note=note)
        except KvtError as error:
            _failed(tenant_id, error.text, {name: str(one) for name, one in error.details.items()}, now)
            return None
        except Exception as error:
            log.error("retraining_failed", tenant=tenant_id, why=why, exc_info=True)
            _failed(tenant_id, BROKEN, {"error": type(error).__name__}, now)
            return None
        _propose(scorer, why, now)
        return scorer


NOTES: Final = {"schedule": "Trained on schedule.", "drift": "Trained because payments changed.", "asked": ""}
BROKEN: Final = gettext_noop("training stopped with an error (%(error)s). The log of the jobs worker has it.")


def _train(tenant: Tenant, now: datetime) -> Trained:
    from apps.fraud.scorers.training.plan import Plan
    from apps.fraud.services.training import scorer_train

    # One thread: payments have the other core. The seed is the day's, so that the run can be made again.
    plan = Plan(seed=now.toordinal(), budget_minutes=BUDGET_MINUTES, threads=1)
    return scorer_train(tenant=tenant, plan=plan, now=now)


def _propose(scorer: Scorer, why: str, now: datetime) -> None:
    """The alert of an older candidate is settled by the newer one: people look at one proposal."""
    note = f"#{scorer.number}"
    operational_alerts_settle(
        tenant_id=scorer.tenant_id, kinds=(Kind.RETRAINED, Kind.TRAINING_FAILED), note=note, now=now
    )
    facts = {"number": scorer.number, "why": why, **compared(scorer, now=now)}
    operational_alert_raise(tenant_id=scorer.tenant_id, kind=Kind.RETRAINED, scorer=scorer, facts=facts, now=now)


def _failed(tenant_id: int, reason: str, details: dict[str, str], now: datetime) -> None:
    facts = {"reason": reason, "details": details}
    operational_alert_raise(tenant_id=tenant_id, kind=Kind.TRAINING_FAILED, scorer=None, facts=facts, now=now)


# --- what asks for it by itself ---------------------------------------------------------------------------------------
def retraining_due(*, tenant_id: int, now: datetime) -> bool:
    """A champion is there, and the newest scorer is older than the schedule allows."""
    days = every_days()
    with tenant_scope(tenant_id):
        return days > 0 and _decides() and not _made_since(now - timedelta(days=days))


def retraining_wanted(*, tenant_id: int, day: date, now: datetime) -> bool:
    """The day's watch has just found that the champion drifts or decays; not again while that lasts."""
    with tenant_scope(tenant_id):
        found = OperationalAlert.objects.filter(
            kind__in=(Kind.DRIFT, Kind.DECAY), status=OperationalAlert.Status.OPEN, times=1,
            facts__day=day.isoformat(), scorer__stage=Scorer.Stage.CHAMPION,
        )  # fmt: skip
        return every_days() > 0 and found.exists() and not _made_since(now - LEAST_APART)


def _decides() -> bool:
    return ActiveScorer.objects.filter(scorer__isnull=False).exists()


def _made_since(moment: datetime) -> bool:
    return Scorer.objects.filter(made_at__gt=moment).exists()


@contextmanager
def _alone(tenant_id: int) -> Iterator[None]:
    """For the session, not for a transaction: minutes of training must not hold one open. Freed if the process dies."""
    values: list[Any] = [tenant_id]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext('kvt_retraining'), %s)", values)
        if not cursor.fetchone()[0]:
            raise RetrainingRuns
    try:
        yield
    finally:
        # A connection that broke has taken the lock with it.
        with suppress(Error), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtext('kvt_retraining'), %s)", values)
