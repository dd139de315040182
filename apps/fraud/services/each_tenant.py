"""What jobs do for every tenant: one tenant's trouble is not the others'."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from apps.compliance.models import Tenant

log = structlog.get_logger(__name__)


def each_tenant(job: str, work: Callable[[Tenant], int]) -> int:
    """What was done for all of them; whatever goes wrong for one is in the log, and the job comes back to it."""
    done = 0
    for tenant in Tenant.objects.order_by("pk"):
        try:
            done += work(tenant)
        except Exception:
            log.exception("job_stopped_for_tenant", job=job, tenant=tenant.slug)
    return done
