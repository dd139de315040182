from __future__ import annotations

import redis
import structlog
from celery import shared_task

from apps.compliance.models import Tenant
from apps.fraud.services.alert_changes import alert_changes_forget
from apps.fraud.services.each_tenant import each_tenant
from apps.fraud.services.explanations import explanations_make
from apps.fraud.services.feature_state import state_check
from apps.fraud.services.idempotency import answers_forget
from apps.fraud.services.scorer_mlflow import scorers_sync
from apps.fraud.services.scorer_trials import shadow_scores_forget
from apps.fraud.tasks_anomaly import scan_logs, scan_payments  # noqa: F401  Celery looks for jobs here
from apps.fraud.tasks_watch import forget_watches, retrain_due, retrain_scorer, watch_scorers  # noqa: F401  likewise
from kivendtout.lib.clock import now

log = structlog.get_logger(__name__)


@shared_task(name="fraud.check_state")
def check_state() -> int:
    """Feature state hears what it missed while it was away, and learns everything anew after it lost its memory."""
    told = 0
    for tenant_id in Tenant.objects.values_list("pk", flat=True):
        try:
            told += state_check(tenant_id=tenant_id, now=now()) or 0
        except redis.RedisError as error:
            log.warning("state_check_stopped", tenant=tenant_id, error=type(error).__name__)
    return told


@shared_task(name="fraud.forget_answers")
def forget_answers() -> int:
    return answers_forget(now=now())


@shared_task(name="fraud.forget_alert_changes")
def forget_alert_changes() -> int:
    return alert_changes_forget(now=now())


@shared_task(name="fraud.explain_alerts")
def explain_alerts() -> int:
    """An alert's page then loads no scorer, and an alert keeps its reasons whatever becomes of its scorer."""
    return each_tenant("explain_alerts", lambda tenant: explanations_make(tenant_id=tenant.pk, now=now()).made)


@shared_task(name="fraud.sync_scorers")
def sync_scorers() -> int:
    """MLflow hears of moves made on pages, and of what it missed while it was away. How many it now knows more."""
    return each_tenant("sync_scorers", lambda tenant: len(scorers_sync(tenant_id=tenant.pk).registered))


@shared_task(name="fraud.forget_shadow_scores")
def forget_shadow_scores() -> int:
    return shadow_scores_forget(now=now())
