"""Two shops with a key each, a Redis database of their own, and the intake's threads closed after each test."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.test import Client

from apps.compliance import api_auth
from apps.compliance.api_auth import key_memory
from apps.compliance.models import Tenant
from apps.compliance.services.api_keys import api_key_create
from apps.customers.models import Customer
from apps.fraud.api import endpoint
from apps.fraud.services import intake
from apps.fraud.state.live_state import live_state
from kivendtout.lib.clock import now
from tests.factories import make_customer

FIRST_REDIS = 12  # and one a worker beside it; the shared one is database 0
_numbers = itertools.count(1)


@dataclass
class Shop:
    tenant: Tenant
    customer: Customer
    key: str
    sandbox_key: str

    def payment(self, **fields: Any) -> dict[str, Any]:
        return {
            "payment_id": f"PAY-{next(_numbers):06d}",
            "customer_id": self.customer.external_id,
            "amount": "42.50",
            "method": "card",
            **fields,
        }

    def headers(self, **more: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}", **more}


@pytest.fixture(autouse=True)
def _own_services(transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    settings.REDIS_URL = f"{settings.REDIS_URL.rpartition('/')[0]}/{FIRST_REDIS + worker}"
    flush_redis(settings.REDIS_URL)
    live_state.cache_clear()
    _no_haste(monkeypatch)
    yield
    intake._intake().close()
    intake._intake.cache_clear()
    key_memory.forget()
    live_state.cache_clear()


def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is proved here does not depend on how busy the machine is; deadlines have tests of their own."""
    monkeypatch.setattr(endpoint, "answer_within", lambda _seconds: nullcontext())
    monkeypatch.setattr(intake, "DEADLINE", 60.0)
    monkeypatch.setattr(api_auth, "WAIT_SECONDS", 60.0)


def flush_redis(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushdb()


def open_shop(tenant: Tenant) -> Shop:
    made = {
        sandbox: api_key_create(tenant_id=tenant.pk, name="Checkout", now=now(), sandbox=sandbox)[1]
        for sandbox in (False, True)
    }
    live_state().state.mark_warm(tenant.pk)
    customer = make_customer(tenant, registered_at=now() - timedelta(days=90))
    return Shop(tenant, customer, made[False], made[True])


@pytest.fixture
def shop(tenant: Tenant, _own_services: None) -> Shop:
    return open_shop(tenant)


@pytest.fixture
def other_shop(neighbour: Tenant, _own_services: None) -> Shop:
    return open_shop(neighbour)


Post = Callable[..., Any]


@pytest.fixture
def post(client: Client) -> Post:
    """Sends a body (bytes, or what JSON can say) with a shop's key."""

    def send(shop: Shop, body: Any, path: str = "score", **headers: str) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {**shop.headers(), **{name.replace("_", "-"): value for name, value in headers.items()}}
        return client.post(f"/api/v1/{path}", raw, content_type="application/json", headers=sent)

    return send
