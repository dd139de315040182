"""A tenant with some payments to judge, and a Redis that only these tests use, and may take away."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.compliance.models import Tenant
from apps.fraud.events import LabelEvent
from apps.fraud.services.scoring import payments_decide
from apps.fraud.state.live_state import live_state
from tests.factories import NOON, make_customer
from tests.fraud.outages.servers import RedisServer
from tests.fraud.scoring.events import an_event

NOW = NOON + timedelta(days=10)
_numbers = itertools.count(1)


@pytest.fixture
def own_redis(settings: Any) -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    settings.REDIS_URL = server.url
    live_state.cache_clear()
    yield server
    server.kill()
    live_state.cache_clear()


@pytest.fixture
def payments(in_tenant: Tenant, own_redis: RedisServer) -> list[str]:
    """Four of one customer, on one device with one card, a day apart."""
    customer = make_customer(in_tenant)
    events = [an_event(customer, attempted_at=NOON + timedelta(days=n)) for n in range(4)]
    payments_decide(tenant_id=in_tenant.pk, events=events, source="test", now=NOW)
    return [event.payment_id for event in events]


@pytest.fixture
def verdict() -> Callable[..., LabelEvent]:
    def make(payment: str, is_fraud: bool = True, **fields: Any) -> LabelEvent:
        values: dict[str, Any] = {
            "label_id": f"L{next(_numbers)}",
            "source": "chargeback",
            "known_at": NOON + timedelta(days=1, hours=12),
            **fields,
        }
        return LabelEvent(payment_id=payment, is_fraud=is_fraud, **values)

    return make
