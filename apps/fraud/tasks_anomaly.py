"""Jobs that look for anomalies. Imported by `apps.fraud.tasks`, where Celery looks for jobs."""

from __future__ import annotations

from pathlib import Path

import structlog
from celery import shared_task
from django.conf import settings
from django.db import DatabaseError

from apps.compliance.models import Tenant
from kivendtout.lib.clock import now

log = structlog.get_logger(__name__)


@shared_task(name="fraud.scan_payments")
def scan_payments() -> int:
    from apps.fraud.services.anomalies_payments import payments_scan  # scikit-learn: a second and 60 MB, here only

    raised = 0
    for tenant in Tenant.objects.order_by("pk"):
        try:
            raised += len(payments_scan(tenant=tenant, now=now()).raised)
        except DatabaseError as error:  # one tenant's trouble is not the others'
            log.warning("scan_payments_stopped", tenant=tenant.slug, error=type(error).__name__)
    return raised


@shared_task(name="fraud.scan_logs")
def scan_logs() -> int:
    """The audit trail of each tenant; log files where ACCESS_LOG_FILE and DATABASE_LOG_FILE name them."""
    from apps.fraud.services.anomalies_logs import access_scan, database_scan  # as above

    raised, access, database = 0, _file("ACCESS_LOG_FILE"), _file("DATABASE_LOG_FILE")
    for tenant in Tenant.objects.order_by("pk"):
        try:
            raised += len(access_scan(tenant=tenant, now=now(), file=access).scan.raised)
            if database is not None and tenant.slug == settings.DEMO_TENANT:
                raised += len(database_scan(tenant=tenant, now=now(), file=database).scan.raised)
        except (DatabaseError, OSError) as error:
            log.warning("scan_logs_stopped", tenant=tenant.slug, error=type(error).__name__)
    return raised


def _file(setting: str) -> Path | None:
    named = getattr(settings, setting, None)
    if named and not Path(named).is_file():
        log.warning("scan_logs_file_missing", setting=setting)
        return None
    return Path(named) if named else None
