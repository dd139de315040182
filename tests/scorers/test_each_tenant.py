"""Jobs that go through the tenants: whatever goes wrong for one, the others have theirs done."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from apps.compliance.models import Tenant
from apps.fraud import tasks, tasks_anomaly
from apps.fraud.services import anomalies_logs, anomalies_payments

pytestmark = pytest.mark.django_db


@pytest.fixture
def stores(in_tenant: Tenant) -> list[Tenant]:
    """The first one has trouble."""
    return [in_tenant, Tenant.objects.create(slug="voisin-jobs", name="Voisin")]


@pytest.mark.parametrize(
    ("where", "name", "answer", "job"),
    [
        (tasks, "explanations_make", SimpleNamespace(made=2), tasks.explain_alerts),
        (tasks, "scorers_sync", SimpleNamespace(registered=(1, 2)), tasks.sync_scorers),
        (anomalies_payments, "payments_scan", SimpleNamespace(raised=[1, 2]), tasks_anomaly.scan_payments),
        (anomalies_logs, "access_scan", SimpleNamespace(scan=SimpleNamespace(raised=[1, 2])), tasks_anomaly.scan_logs),
    ],
)
@pytest.mark.parametrize("trouble", [MemoryError(), ValueError("a damaged row")])
def test_one_tenants_trouble_is_not_the_others(
    stores: list[Tenant],
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    answer: Any,
    job: Callable[[], int],
    trouble: Exception,
) -> None:
    asked: list[int] = []

    def work(*, tenant_id: int = 0, tenant: Tenant | None = None, **_named: Any) -> Any:
        asked.append(tenant.pk if tenant else tenant_id)
        if asked[-1] == stores[0].pk:
            raise trouble
        return answer

    monkeypatch.setattr(where, name, work)
    assert job() == 2 * (len(asked) - 1)
    assert {one.pk for one in stores} <= set(asked)
