"""POST /api/v1/score over HTTP: at 500 a second, flat out, and in batches, with 5,000 customers warm.

`BENCH_PAYMENTS` (10,000 by default; 5,000,000 shows that history does not slow it) says how many stored payments
stand behind. PostgreSQL, Redis, the server and the load share the machine.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection

from apps.compliance.models import Tenant
from apps.compliance.services.api_keys import api_key_create
from apps.fraud.selectors.facts import facts_in_order
from apps.fraud.services.decisions_store import STEPS
from apps.fraud.services.rule_files import ruleset_install
from apps.fraud.state.live_state import live_state
from benchmarks.http_load import Client, flat_out, steady
from benchmarks.scratch import NAME, fill, scratch_database
from kivendtout.lib.clock import event_time, now
from kivendtout.lib.tenancy import tenant_scope

PORT = 18765
WARM = 5_000
RATE, SECONDS = 500, 15
BATCH = 1_000
RULESET = os.environ.get("BENCH_RULESET", "recommended")  # sixteen rules, as the other shipped set
STATE_DATABASE = 9  # Redis's logical database for the benchmark's feature state


def run() -> dict[str, Any]:
    payments = int(os.environ.get("BENCH_PAYMENTS", "10000"))
    settings.REDIS_URL = settings.REDIS_URL.rsplit("/", 1)[0] + f"/{STATE_DATABASE}"
    # Sizes are compared, so each has a database of its own; the big one is that of the other benchmarks.
    name = NAME if payments >= 1_000_000 else f"{NAME}_{payments}"
    with scratch_database(name):
        filled = fill(payments)
        tenant = Tenant.objects.get(slug="bench")
        with tenant_scope(tenant.pk):
            ruleset_install(tenant=tenant, name=RULESET, now=now())
            _key, clear = api_key_create(tenant_id=tenant.pk, name="bench", now=now())
        _warm(tenant.pk)
        client = Client("127.0.0.1", PORT, clear)
        told: dict[str, Any] = {"stored_payments": filled["payments"], "rules": RULESET}
        with _server(name, workers=1):
            told |= _one_by_one(client)
        with _server(name, workers=2):  # a batch keeps one process busy by itself
            many = _bodies(BATCH)
            load = flat_out(client, "/api/v1/score/batch", lambda: next(many), connections=4, seconds=10)
            told["batches_of_1000"] = asyncio.run(load).summary(BATCH)
        return told


def _one_by_one(client: Client) -> dict[str, Any]:
    one = _bodies(1)
    score = partial(flat_out, client, "/api/v1/score", lambda: next(one))
    asyncio.run(score(connections=16, seconds=3))
    first = _last_decision()
    even = asyncio.run(steady(client, "/api/v1/score", lambda: next(one), rate=RATE, seconds=SECONDS))
    split = _split(first)
    full = asyncio.run(score(connections=64, seconds=10))
    return {f"at_{RATE}_a_second": even.summary(), "split_us_a_batch": split, "flat_out": full.summary()}


def _bodies(size: int) -> Iterator[bytes]:
    run_id = f"{time.time_ns():x}"[-9:].translate(str.maketrans("0123456789", "ghijklmnop"))
    for n in itertools.count():
        payments = [_payment(f"B{size}-{run_id}-{n}-{m}", (n * size + m) % WARM + 1) for m in range(size)]
        yield msgspec.json.encode(payments[0] if size == 1 else payments)


def _payment(payment_id: str, customer: int) -> dict[str, Any]:
    return {
        "payment_id": payment_id,
        "customer_id": f"C{customer}",
        "amount": f"{5 + customer % 200}.90",
        "currency": "EUR",
        "method": "card",
        "card_bin": "497010",
        "last_four": f"{customer % 10_000:04d}",
        "payment_country": "FR",
        "ip_hash": f"address-{customer}",
        "device_id": f"dev_{customer}",
        "device_kind": "web_desktop",
        "utm_source": "seo",
    }


def _warm(tenant_id: int) -> None:
    """The last month's payments into feature state, as a running installation would have them."""
    state = live_state().state
    state.client.flushdb()
    until = datetime(2026, 1, 1, tzinfo=UTC)
    with tenant_scope(tenant_id):
        for _place, facts in facts_in_order(tenant_id, after=until - timedelta(days=31), until=until):
            state.remember(tenant_id, facts, now=event_time(now()))
    state.mark_warm(tenant_id)


def _last_decision() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(payment_id), 0) FROM fraud_decision")
        return int(cursor.fetchone()[0])


def _split(after: int) -> dict[str, Any]:
    """What the decisions themselves say of where their time went; the steps are those of their whole batch."""
    columns = ", ".join(f"round(avg(timings[{n}]))" for n in range(1, len(STEPS) + 1))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT round(avg(latency_us)), {columns}, count(*)::float / count(DISTINCT decided_at)"
            " FROM fraud_decision WHERE payment_id > %s",
            [after],
        )
        latency, *steps, together = cursor.fetchone()
    named = {step: int(value or 0) for step, value in zip(STEPS, steps, strict=True)}
    return {"until_decided": int(latency or 0), **named, "payments_together": round(together or 0, 1)}


@contextmanager
def _server(database: str, *, workers: int) -> Iterator[None]:
    """granian as in production."""
    base = settings.DATABASES["default"]
    url = f"postgres://{base['USER']}:{base['PASSWORD']}@{base['HOST']}:{base['PORT']}/{database}"
    environment = os.environ | {
        "DATABASE_URL": url,
        "DATABASE_OWNER_URL": url,
        "REDIS_URL": settings.REDIS_URL,
        "LOG_LEVEL": "WARNING",
        "DEBUG": "false",
    }
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(PORT)]
    # As many threads as requests may wait together: the intake decides on them in one transaction.
    command += ["--workers", str(workers), "--blocking-threads", "64", "--backpressure", "256"]
    command += ["--no-ws", "--no-access-log"]
    process = subprocess.Popen([*command, "kivendtout.wsgi:application"], env=environment)
    try:
        _wait()
        yield
    finally:
        process.terminate()
        process.wait(20)


def _wait() -> None:
    for _try in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz", timeout=1)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError("the server did not start")
