"""Whether each dependency answers, and how long it took. `/healthz` says the process lives, `/readyz` names them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import redis
from django.conf import settings
from django.db import connection

# A readiness probe that takes longer than a load balancer waits says nothing.
TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True)
class Dependency:
    name: str
    ok: bool
    needed: bool
    milliseconds: float
    problem: str = ""


def _postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
    )
    with client:
        client.ping()


def _kafka() -> None:
    """One broker that accepts a connection is enough to bootstrap from."""
    last: OSError | None = None
    for address in settings.KAFKA_BOOTSTRAP_SERVERS:
        host, _colon, port = address.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=TIMEOUT_SECONDS):
                return
        except OSError as error:
            last = error
    raise last or OSError("no Kafka address is set")


def _documents() -> None:
    from kivendtout.lib.documents import document_store

    document_store().ping()


# Payments can be answered without the last three; without PostgreSQL nothing can be promised.
CHECKS: dict[str, tuple[Callable[[], None], bool]] = {
    "postgresql": (_postgresql, True),
    "redis": (_redis, False),
    "kafka": (_kafka, False),
    "documents": (_documents, False),
}


def check(name: str) -> Dependency:
    probe, needed = CHECKS[name]
    start = time.perf_counter()
    try:
        probe()
        ok, problem = True, ""
    except Exception as error:
        ok, problem = False, type(error).__name__  # the text may hold an address or a password
    return Dependency(name, ok, needed, round((time.perf_counter() - start) * 1000, 1), problem)


def readiness() -> dict[str, Any]:
    dependencies = [check(name) for name in CHECKS]
    ready = all(one.ok for one in dependencies if one.needed)
    degraded = [one.name for one in dependencies if not one.ok]
    return {"ready": ready, "degraded": degraded, "dependencies": [asdict(one) for one in dependencies]}
