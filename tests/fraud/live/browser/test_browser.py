"""From the change of an alert to the row on somebody's screen: real pages, real sockets, a real browser."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.compliance.models import Tenant
from apps.fraud.live.groups import alert_changes_tell
from apps.fraud.models import FraudAlert
from apps.fraud.services.alert_status import alert_status_set
from kivendtout.lib.clock import now
from kivendtout.lib.live_threads import close_connections
from kivendtout.lib.messages import compile_all
from kivendtout.lib.tenancy import tenant_scope
from tests.conftest import make_person
from tests.devservices.kafka_servers import free_port
from tests.fraud.live.cast import make_alert, note, raise_alerts

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class Sockets:
    """The sockets process, in a thread of the test's own; it may end and come back on its port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.server: uvicorn.Server | None = None
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        from kivendtout.asgi import application

        config = uvicorn.Config(application, port=self.port, lifespan="off", log_level="error", access_log=False)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.02)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        assert self.server is not None
        await self.server.serve()
        await sync_to_async(connections.close_all)()

    def stop(self) -> None:
        if self.server is not None and self.thread is not None:
            self.server.should_exit = self.server.force_exit = True
            self.thread.join(10)
            close_connections()
            self.server = None


@pytest.fixture
def sockets(transactional_db: None) -> Iterator[Sockets]:
    sockets = Sockets()
    sockets.start()
    yield sockets
    sockets.stop()


@pytest.fixture
def tenant(transactional_db: None) -> Tenant:
    return Tenant.objects.create(slug="kvt", name="KiVendTout")


Open = Callable[[], Page]


@pytest.fixture
def opened(
    browser: Browser, live_server: LiveServer, sockets: Sockets, settings: Any, tenant: Tenant
) -> Iterator[Open]:
    compile_all()
    settings.WS_PUBLIC_URL = f"ws://{{host}}:{sockets.port}"
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    client = Client()
    client.force_login(make_person(tenant, "analyst"))
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en", reduced_motion="reduce")
    context.set_default_timeout(10_000)
    context.add_cookies(
        [
            {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url},
            {"name": "django_language", "value": "en", "url": live_server.url},
        ]
    )

    def visit() -> Page:
        page = context.new_page()
        page.goto(live_server.url)
        expect(page.locator("[data-alerts-state]")).to_have_text("Live")
        page.mouse.move(5, 5)
        return page

    yield visit
    context.close()


def rows(page: Page) -> list[str]:
    return [str(one.get_attribute("data-id")) for one in page.locator("[data-live-alerts] tbody tr").all()]


def row(page: Page, alert: FraudAlert) -> Any:
    return page.locator(f"[data-live-alerts] tr[data-id='{alert.pk}']")


def later(page: Page, milliseconds: int) -> None:
    """From then on the page believes that a minute has passed: what leaves after a while is due at its next look."""
    page.evaluate(
        "after => { const real = Date.now; setTimeout(() => Date.now = () => real() + 60000, after); }", milliseconds
    )


def move(tenant: Tenant, alert: FraudAlert, status: str) -> None:
    from apps.compliance.models import User

    with tenant_scope(tenant.pk):
        alert_status_set(alert=alert, status=status, actor=User.objects.get(), now=now())
    alert_changes_tell()


def test_alerts_come_change_and_leave_before_ones_eyes(tenant: Tenant, opened: Open) -> None:
    [old] = raise_alerts(tenant)
    page = opened()
    assert rows(page) == [str(old.pk)]
    [new] = raise_alerts(tenant)
    expect(row(page, new)).to_contain_text("42.50")
    assert rows(page) == [str(new.pk), str(old.pk)]
    move(tenant, old, "INVESTIGATING")
    expect(row(page, old).locator("[data-cell=status]")).to_have_attribute("data-status", "investigating")
    assert rows(page) == [str(new.pk), str(old.pk)]
    later(page, 500)
    move(tenant, old, "BLOCKED")
    expect(row(page, old)).to_have_attribute("data-done", re.compile(r"\d+"))
    expect(row(page, old)).to_have_count(0, timeout=15_000)
    assert rows(page) == [str(new.pk)]


def test_a_page_that_lost_its_socket_catches_up(tenant: Tenant, opened: Open, sockets: Sockets) -> None:
    page = opened()
    [first] = raise_alerts(tenant)
    expect(row(page, first)).to_have_count(1)
    sockets.stop()
    expect(page.locator("[data-alerts-state]")).to_have_text("Reconnecting")
    missed = [raise_alerts(tenant)[0] for _ in range(3)]
    move(tenant, first, "INVESTIGATING")
    sockets.start()
    expect(page.locator("[data-alerts-state]")).to_have_text("Live")
    expect(row(page, first).locator("[data-cell=status]")).to_have_attribute("data-status", "investigating")
    assert rows(page) == [str(one.pk) for one in [*reversed(missed), first]]


def test_while_somebody_reads_arrivals_are_counted(tenant: Tenant, opened: Open) -> None:
    [old] = raise_alerts(tenant)
    page = opened()
    row(page, old).hover()
    arrived = [raise_alerts(tenant)[0] for _ in range(3)]
    bar = page.locator("[data-live-alerts] .arrivals")
    expect(bar).to_have_attribute("data-waiting", "3")
    assert rows(page) == [str(old.pk)]
    move(tenant, arrived[1], "INVESTIGATING")
    move(tenant, arrived[1], "APPROVED")  # judged before anybody saw it here
    expect(bar).to_have_attribute("data-waiting", "2")
    bar.click()
    expect(row(page, arrived[2])).to_have_count(1)
    assert rows(page) == [str(arrived[2].pk), str(arrived[0].pk), str(old.pk)]


def test_a_list_worked_off_is_filled_up_from_behind(tenant: Tenant, opened: Open) -> None:
    alerts = [make_alert(tenant) for _ in range(26)]
    note(tenant, *alerts)
    alert_changes_tell()
    page = opened()
    assert len(rows(page)) == 20
    later(page, 1500)
    for alert in alerts[-12:]:
        move(tenant, alert, "INVESTIGATING")
        move(tenant, alert, "BLOCKED")
    expect(page.locator("[data-live-alerts] tbody tr")).to_have_count(14, timeout=15_000)
    assert rows(page) == [str(one.pk) for one in reversed(alerts[:14])]
