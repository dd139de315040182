"""Jobs that look for anomalies. Imported by `apps.fraud.tasks`, where Celery looks for jobs."""

from __future__ import annotations

from pathlib import Path

import structlog
from celery import shared_task
from django.conf import settings

from apps.compliance.models import Tenant
from apps.fraud.services.each_tenant import each_tenant
from kivendtout.lib.clock import now

log = structlog.get_logger(__name__)


@shared_task(name="fraud.scan_payments")
def scan_payments() -> int:
    from apps.fraud.services.anomalies_payments import payments_scan  # scikit-learn: a second and 60 MB, here only

    return each_tenant("scan_payments", lambda tenant: len(payments_scan(tenant=tenant, now=now()).raised))


@shared_task(name="fraud.scan_logs")
def scan_logs() -> int:
    """The audit trail of each tenant; log files where ACCESS_LOG_FILE and DATABASE_LOG_FILE name them."""
    from apps.fraud.services.anomalies_logs import access_scan, database_scan  # as above

    access, database = _file("ACCESS_LOG_FILE"), _file("DATABASE_LOG_FILE")

    def scan_access(tenant: Tenant) -> int:
        return len(access_scan(tenant=tenant, now=now(), file=access).scan.raised)

    def scan_database(tenant: Tenant) -> int:
        if database is None or tenant.slug != settings.DEMO_TENANT:
            return 0
        return len(database_scan(tenant=tenant, now=now(), file=database).scan.raised)

    # Apart: an audit trail that cannot be scanned keeps nobody from the database's own log.
    return each_tenant("scan_access", scan_access) + each_tenant("scan_database", scan_database)


def _file(setting: str) -> Path | None:
    named = getattr(settings, setting, None)
    if named and not Path(named).is_file():
        log.warning("scan_logs_file_missing", setting=setting)
        return None
    return Path(named) if named else None
