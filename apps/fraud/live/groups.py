"""Which group hears of a tenant's alerts, and how it is told."""

from __future__ import annotations

from apps.fraud.services.alert_changes import alert_changes_number
from kivendtout.lib.live import push, tenant_group

ALERTS = "alerts"


def alerts_group(tenant_id: int) -> str:
    return tenant_group(ALERTS, tenant_id)


def alert_changes_tell() -> int:
    """Number what waits and wake whoever watches; returns how many changes that were.

    May be called at any time by any number of threads and processes, outside a transaction: one of them numbers, the
    others find nothing to do. A push carries the latest number and no alert: each sockets process reads the changes
    after the one it has passed on, once for all of its clients. So a push that is lost, doubled or overtaken by another
    costs nothing, and Redis never holds a customer. Raises what the database raises when it is away.
    """
    numbered = alert_changes_number()
    for tenant_id, told in numbered.items():
        push(alerts_group(tenant_id), told[-1].number)
    return sum(map(len, numbered.values()))
