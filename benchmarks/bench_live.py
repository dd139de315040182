"""Live alerts: what one client costs and what a hundred do, for who pushes and for the sockets process, and how soon.

A sockets process as production runs it, clients that are real WebSockets of as many people, alerts that are noted,
numbered and told as the stream does, one every 50 ms.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import django.test
from django.conf import settings
from django.db import connection
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Origin

from apps.compliance.models import Tenant, User
from apps.compliance.roles import sync_roles
from apps.fraud.live.groups import alert_changes_tell
from apps.fraud.models import FraudAlert
from apps.fraud.selectors.alert_feed import alerts_number
from apps.fraud.services.alert_changes import alert_changes_note
from apps.payments.models import PaymentReference
from benchmarks.cpu import memory_mb, seconds_of
from benchmarks.scratch import fill, scratch_database
from kivendtout.lib.clock import now
from kivendtout.lib.tenancy import tenant_scope

NAME = "kivendtout_bench_live"
CLIENTS = (0, 1, 10, 100)
PUSHES, EVERY = 200, 0.05
SETTLE = 2.0  # for the first checks and figures


def run() -> dict[str, Any]:
    with scratch_database(NAME):
        fill(1_000)
        tenant, alert = _alert()
        cookies = [_cookie(tenant, n) for n in range(max(CLIENTS))]
        port = _free_port()
        process = _sockets(port)
        try:
            _wait_for(port)
            found = {str(count): _measure(count, tenant, alert, cookies, port, process.pid) for count in CLIENTS}
        finally:
            process.terminate()
            process.wait(10)
        return {"by_clients": found, "idle_tell_us": _idle(), "sockets_memory_mb": found["100"].pop("memory_mb")}


def _measure(
    count: int, tenant: Tenant, alert: FraudAlert, cookies: list[str], port: int, pid: int
) -> dict[str, float | None]:
    return asyncio.run(_Round(tenant, alert, cookies[:count], port).run(pid))


class _Round:
    def __init__(self, tenant: Tenant, alert: FraudAlert, cookies: list[str], port: int) -> None:
        self.tenant, self.alert, self.cookies, self.port = tenant, alert, cookies, port
        self.told: dict[int, float] = {}
        self.delays: list[float] = []
        self.heard = 0
        self.pusher = 0.0

    async def run(self, pid: int) -> dict[str, float | None]:
        last = await asyncio.to_thread(alerts_number, self.tenant.pk)
        self.ready = asyncio.Semaphore(0)
        clients = [asyncio.create_task(self._listen(cookie)) for cookie in self.cookies]
        for _ in clients:
            await self.ready.acquire()
        await asyncio.sleep(SETTLE)
        before = seconds_of(pid)
        await asyncio.to_thread(self._push, last)
        await asyncio.sleep(0.5)
        spent = seconds_of(pid) - before
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        cuts = quantiles(self.delays, n=100) if self.delays else []
        return {
            "pusher_cpu_us_a_push": round(self.pusher / PUSHES * 1e6),
            "sockets_cpu_us_a_push": round(spent / PUSHES * 1e6),
            "sockets_cpu_percent": round(spent / (PUSHES * EVERY) * 100, 1),
            "p50_ms": round(cuts[49] * 1e3, 1) if cuts else None,
            "p95_ms": round(cuts[94] * 1e3, 1) if cuts else None,
            "missed": PUSHES * len(self.cookies) - self.heard,
            "memory_mb": memory_mb(pid),
        }

    def _push(self, last: int) -> None:
        for number in range(last + 1, last + 1 + PUSHES):
            began, spent = time.monotonic(), time.thread_time()
            alert_changes_note(tenant_id=self.tenant.pk, alerts=[self.alert.pk], change="status", now=now())
            self.told[number] = time.monotonic()
            alert_changes_tell()
            self.pusher += time.thread_time() - spent
            time.sleep(max(0.0, EVERY - (time.monotonic() - began)))
        connection.close()

    async def _listen(self, cookie: str) -> None:
        headers = {"cookie": f"sessionid={cookie}"}
        address = f"ws://127.0.0.1:{self.port}/ws/alerts/?language=fr"
        async with connect(address, origin=Origin("http://localhost"), additional_headers=headers) as client:
            await client.recv()
            self.ready.release()
            try:
                async for text in client:
                    at = time.monotonic()
                    for one in json.loads(text).get("alerts", ()):
                        self.delays.append(at - self.told[one["number"]])
                        self.heard += 1
            except WebSocketException:
                return


def _idle() -> float:
    began = time.thread_time()
    for _ in range(500):
        alert_changes_tell()
    return round((time.thread_time() - began) / 500 * 1e6)


def _alert() -> tuple[Tenant, FraudAlert]:
    sync_roles()
    tenant = Tenant.objects.get(slug="bench")
    with tenant_scope(tenant.pk):
        payment = PaymentReference.objects.earliest("pk")
        values = {"payment_id": payment.pk, "rule": "CARD_TESTING", "severity": "HIGH", "raised_at": now()}
        return tenant, FraudAlert.objects.get_or_create(external_id="kvt-bench", defaults=values)[0]


def _cookie(tenant: Tenant, number: int) -> str:
    from django.contrib.auth.models import Group

    email = f"bench{number}@bench.example"
    person = User.objects.filter(email=email).first() or User.objects.create_user(email, None, tenant=tenant)
    person.groups.add(Group.objects.get(name="analyst"))
    client = django.test.Client()
    client.force_login(person)
    return client.cookies["sessionid"].value


def _sockets(port: int) -> subprocess.Popen[bytes]:
    name = settings.DATABASES["default"]["NAME"]
    environment = dict(os.environ)
    for variable in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        environment[variable] = urlunsplit(urlsplit(environment[variable])._replace(path=f"/{name}"))
    command = [sys.executable, "-m", "uvicorn", "--port", str(port), "--no-access-log", "--lifespan", "off"]
    command += ["--log-level", "error", "kivendtout.asgi:application"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the sockets process did not start")
