"""From a payment's sending to the alert on an analyst's screen: 500 payments a second, a real worker, a real browser.

Each payment's id says when it was given to the producer; a script on the page reads it off each row as it appears. All
of it runs on this machine, the browser included.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Page, sync_playwright

from apps.compliance.models import Tenant, User
from apps.fraud.services.rule_files import ruleset_install
from apps.payments.events import PaymentEvent, encode
from benchmarks.bench_score import RULESET, STATE_DATABASE, _warm
from benchmarks.bench_stream import STORED, _answers, _url, _wait, broker, stream_workers
from benchmarks.scratch import CUSTOMERS, NAME, fill, scratch_database
from kivendtout.env import BASE_DIR
from kivendtout.lib.clock import now
from kivendtout.lib.kafka import ensure_topics
from kivendtout.lib.kafka_native import make_native_producer
from kivendtout.lib.tenancy import tenant_scope

WEB, SOCKETS = 18775, 18776
RATE, SECONDS, WARM_UP = 500, 30, 8
DOUBTFUL = 20  # one payment of so many raises an alert
# Seen as they are put into the page, before the browser has drawn them.
WATCH = """() => {
  window.seen = { alerts: [], payments: [] };
  for (const [name, selector] of [["alerts", "[data-live-alerts] tbody"], ["payments", "[data-live-table] tbody"]]) {
    const body = document.querySelector(selector);
    const known = new Set();
    new MutationObserver(() => {
      for (const row of body.rows) {
        const match = /L-[a-z]+-(\\d{13})-\\d+/.exec(row.textContent);
        if (!match || known.has(match[0])) continue;
        known.add(match[0]);
        window.seen[name].push([Number(match[1]), Date.now()]);
      }
    }).observe(body, { childList: true, subtree: true, characterData: true });
  }
}"""


def run() -> dict[str, Any]:
    settings.REDIS_URL = settings.REDIS_URL.rsplit("/", 1)[0] + f"/{STATE_DATABASE}"
    name = f"{NAME}_{STORED}"
    with scratch_database(name), broker() as kafka, ExitStack() as stack:
        settings.KAFKA_BOOTSTRAP_SERVERS = [kafka.address]
        fill(STORED)
        tenant = Tenant.objects.get(slug="bench")
        with tenant_scope(tenant.pk):
            ruleset_install(tenant=tenant, name=RULESET, now=now())
        _warm(tenant.pk)
        ensure_topics()
        stack.enter_context(_servers(name))
        stack.enter_context(stream_workers(name, kafka, 1))
        page = stack.enter_context(_page(_session(tenant)))
        time.sleep(WARM_UP)
        begun = time.time()
        sent = _send(RATE, SECONDS)
        time.sleep(2)
        seen: dict[str, list[list[int]]] = page.evaluate("window.seen")
    settled = (begun + 2) * 1000  # the first seconds meet cold plans and caches
    return {
        "payments_per_second": sent,
        **{kind: _summary([b - a for a, b in found if a >= settled]) for kind, found in seen.items()},
    }


def _summary(times: list[int]) -> dict[str, Any]:
    if len(times) < 20:
        return {"rows": len(times)}
    cuts = statistics.quantiles(times, n=100)
    return {"rows": len(times), "p50_ms": cuts[49], "p95_ms": cuts[94], "p99_ms": cuts[98], "most_ms": max(times)}


def _send(rate: int, seconds: int) -> int:
    """Evenly, whether or not anybody keeps up."""
    producer, draw, began = make_native_producer(), random.Random(3), time.perf_counter()
    for n in itertools.count():
        due = began + n / rate
        if n >= rate * seconds:
            break
        if (wait := due - time.perf_counter()) > 0:
            producer.poll(0)
            time.sleep(wait)
        event = _payment(n, draw.randrange(CUSTOMERS) + 1)
        producer.produce("payments", encode(event), event.customer_id.encode(), headers=[("tenant", b"bench")])
    producer.flush(10)
    return round(rate * seconds / (time.perf_counter() - began))


def _payment(n: int, customer: int) -> PaymentEvent:
    doubtful = n % DOUBTFUL == 0
    at = now()
    told = {"payment_country": "BR", "cart_at": at - timedelta(seconds=5), "utm_source": "direct"}
    usual = {"payment_country": "FR", "device_id": f"dev_{customer}"}
    return PaymentEvent(
        payment_id=f"L-bench-{time.time_ns() // 1_000_000}-{n}",
        customer_id=f"C{customer}",
        event="payment_attempt",
        attempted_at=at,
        amount="949.90" if doubtful else f"{5 + customer % 60}.90",
        method="card",
        card_bin="497010",
        last_four=f"{customer % 10_000:04d}",
        device_kind="web_desktop",
        **(told if doubtful else usual),  # type: ignore[arg-type]  # each by its own type
    )


def _session(tenant: Tenant) -> str:
    user, _made = User.objects.get_or_create(email="bench@example.org", defaults={"tenant": tenant})
    user.set_unusable_password()
    user.save()
    user.groups.set(Group.objects.filter(name="analyst"))
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


@contextmanager
def _servers(database: str) -> Iterator[None]:
    environment = os.environ | {
        "DATABASE_URL": _url(database), "DATABASE_OWNER_URL": _url(database), "REDIS_URL": settings.REDIS_URL,
        "LOG_LEVEL": "WARNING", "DEBUG": "true", "WS_PORT": str(SOCKETS), "ALLOWED_HOSTS": "127.0.0.1",
    }  # fmt: skip
    web = ["granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(WEB), "--no-ws"]
    sockets = ["uvicorn", "--host", "127.0.0.1", "--port", str(SOCKETS), "--no-access-log", "--lifespan", "off"]
    commands = [[*web, "kivendtout.wsgi:application"], [*sockets, "kivendtout.asgi:application"]]
    processes = [subprocess.Popen([sys.executable, "-m", *one], cwd=BASE_DIR, env=environment) for one in commands]
    try:
        _wait(lambda: _answers(WEB) and _answers(SOCKETS), 60)
        yield
    finally:
        for process in processes:
            process.terminate()
            process.wait(20)


@contextmanager
def _page(session: str) -> Iterator[Page]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        raise RuntimeError("No Chromium found. Install the system's package `chromium`.")
    base = f"http://127.0.0.1:{WEB}"
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": base}])
        page = context.new_page()
        page.goto(base + "/")
        page.wait_for_selector("[data-live-alerts]")
        page.evaluate(WATCH)
        yield page
        browser.close()


if __name__ == "__main__":
    print(json.dumps(run()))
