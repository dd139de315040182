"""The whole product in this process, on a PostgreSQL and a Redis that only these tests use, and may take away."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client

from apps.compliance.api_auth import key_memory
from apps.compliance.models import Tenant
from apps.fraud.api import endpoint
from apps.fraud.services import catalogues, feature_state, intake
from apps.fraud.services.engine import list_memory, ruleset_memory
from apps.fraud.state.live_state import live_state
from apps.fraud.state.policy_memory import policy_memory
from apps.payments.ingestion import payments_merge
from kivendtout.lib.tenancy import tenant_scope
from tests.fraud.api.conftest import Shop, open_shop
from tests.fraud.outages.servers import PostgresServer, RedisServer


@pytest.fixture(scope="session")
def own_postgres(django_db_blocker: Any) -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        server.start()
        with server.connect("postgres") as admin:
            admin.execute("CREATE DATABASE outage")
        with django_db_blocker.unblock(), _pointed_at(server):
            call_command("migrate", verbosity=0, interactive=False)
        yield server
    finally:
        server.remove()


class _pointed_at:  # noqa: N801 - reads as what it does
    """Every thread's next connection goes to that server."""

    def __init__(self, server: PostgresServer) -> None:
        self.server, self.settings = server, connections.settings["default"]

    def __enter__(self) -> None:
        connection.close()
        self.kept = {name: self.settings[name] for name in self.server.settings}
        self.settings.update(self.server.settings)

    def __exit__(self, *_: object) -> None:
        connection.close()
        self.settings.update(self.kept)


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
def postgres(
    own_postgres: PostgresServer, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PostgresServer]:
    with django_db_blocker.unblock(), _pointed_at(own_postgres):
        _forget()
        yield own_postgres
        intake._intake().close()
        _forget()


def _forget() -> None:
    """What this process knows of one database does not hold for another: its tenants' numbers, its partitions."""
    payments_merge._there.clear()
    catalogues._noted.clear()
    intake._intake.cache_clear()
    key_memory.forget()
    feature_state._asked.clear()
    for memory in (policy_memory.kept, list_memory._held, ruleset_memory._held, ruleset_memory._numbered):
        memory.clear()


@pytest.fixture
def shop(postgres: PostgresServer, own_redis: RedisServer) -> Shop:
    slug = f"shop-{uuid.uuid4().hex[:8]}"
    return open_shop(Tenant.objects.create(slug=slug, name=slug))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what must not depend on how busy the machine is; the deadlines have tests of their own."""
    from contextlib import nullcontext

    from apps.compliance import api_auth

    monkeypatch.setattr(endpoint, "answer_within", lambda _seconds: nullcontext())
    monkeypatch.setattr(intake, "DEADLINE", 60.0)
    monkeypatch.setattr(intake, "BATCH_SECONDS", 60.0)
    monkeypatch.setattr(api_auth, "WAIT_SECONDS", 60.0)


Score = Callable[..., Any]


@pytest.fixture
def score() -> Score:
    return send


def send(shop: Shop, payment: dict[str, Any], **headers: str) -> Any:
    sent = shop.headers(**{name.replace("_", "-"): value for name, value in headers.items()})
    return Client().post("/api/v1/score", json.dumps(payment).encode(), content_type="application/json", headers=sent)


def together(work: Callable[[Any], Any], items: list[Any], workers: int = 20) -> list[Any]:
    def one(item: Any) -> Any:
        try:
            return work(item)
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, items))


def rows(shop: Shop, table: str, where: str = "true") -> int:
    connection.close()  # this thread's own, which may not have survived what is proved
    with tenant_scope(shop.tenant.pk), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE tenant_id = %s AND {where}", [shop.tenant.pk])
        return int(cursor.fetchone()[0])


def nothing_is_half_written(shop: Shop) -> None:
    """Each payment of ours has its decision, its message and, with a key, its answer; and the other way round."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM payments_paymentreference WHERE tenant_id = %(t)s),"
            " (SELECT count(*) FROM payments_payment WHERE tenant_id = %(t)s),"
            " (SELECT count(*) FROM fraud_decision d JOIN payments_payment p ON p.id = d.payment_id"
            "  WHERE d.tenant_id = %(t)s),"
            " (SELECT count(*) FROM fraud_decision WHERE tenant_id = %(t)s)",
            {"t": shop.tenant.pk},
        )
        references, payments, decided, decisions = cursor.fetchone()
    assert references == payments == decided == decisions
