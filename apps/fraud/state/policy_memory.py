"""Each tenant's thresholds and time zone, at hand in every process and never older than half a second."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import structlog
from django.db import DatabaseError, InterfaceError, connection

from apps.compliance.models import Tenant
from apps.fraud.engine.decide import Policy

FRESH_SECONDS: Final = 0.5

log = structlog.get_logger(__name__)


class TenantSettings(NamedTuple):
    policy: Policy
    zone: ZoneInfo


class PolicyMemory:
    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        self.kept: dict[int, tuple[float, TenantSettings]] = {}
        self.lock = Lock()

    def current(self, tenant_id: int) -> TenantSettings:
        """The last known when PostgreSQL does not answer."""
        kept = self.kept.get(tenant_id)
        if kept is not None and self.clock() < kept[0]:
            return kept[1]
        with self.lock:
            kept = self.kept.get(tenant_id)
            if kept is not None and self.clock() < kept[0]:
                return kept[1]  # whoever held the lock has just asked
            try:
                found = _read(tenant_id)
            except (DatabaseError, InterfaceError) as error:
                if kept is None:
                    raise
                log.warning("policy_not_read", tenant=tenant_id, error=type(error).__name__)
                found = kept[1]
                if not connection.in_atomic_block:
                    connection.close_if_unusable_or_obsolete()
            self.kept[tenant_id] = (self.clock() + FRESH_SECONDS, found)
            return found


def _read(tenant_id: int) -> TenantSettings:
    tenant = Tenant.objects.get(pk=tenant_id)
    policy = Policy(
        challenge=float(tenant.challenge_threshold),
        deny=float(tenant.deny_threshold),
        scorer_weight=float(tenant.scorer_weight),
        rules_alone_deny=float(tenant.rules_alone_threshold),
        scorer_alone_deny=float(tenant.scorer_alone_threshold),
        alerts="points" if tenant.alert_policy == "points" else "outcome",
    )
    return TenantSettings(policy, ZoneInfo(tenant.time_zone))


policy_memory = PolicyMemory()
