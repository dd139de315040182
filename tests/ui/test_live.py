"""The live table against a real socket: order, gaps, repeats, reconnection, and a row that does not run away."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from tests.ui.conftest import Open

pytestmark = pytest.mark.browser


class Feed:
    """A socket server that the test plays by hand."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.clients: list[ServerConnection] = []
        self.joined = threading.Event()
        self.server: Server = serve(self._serve, "127.0.0.1", 0)
        self.port: int = self.server.socket.getsockname()[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _serve(self, client: ServerConnection) -> None:
        self.clients.append(client)
        self.joined.set()
        try:
            for text in client:
                self.received.append(json.loads(text))
        except ConnectionClosed:
            pass

    def send(self, message: dict[str, Any]) -> None:
        self.clients[-1].send(json.dumps(message))

    def payment(self, seq: int, **changes: Any) -> None:
        payment = {
            "id": 1000 + seq, "external_id": f"PAYLIVE{seq:03d}", "attempted_at": "2025-11-25T12:01:05Z",
            "customer_external_id": "C00001", "merchant_name": "<b>Zinc</b>", "amount": "1234.50", "currency": "EUR",
            "status": "succeeded", "status_label": "Réussi", "method_label": "Carte", "country": "FR",
            "device_kind": "ios", "url": f"/admin/payments/payment/{seq}/",
        }
        self.send({"type": "payment", "seq": seq, "payment": {**payment, **changes}})

    def drop(self, code: int = 1012) -> None:
        self.joined.clear()
        self.clients[-1].close(code)


@pytest.fixture
def feed() -> Iterator[Feed]:
    feed = Feed()
    yield feed
    feed.server.shutdown()


@pytest.fixture
def page(visit: Open, feed: Feed, settings: Any) -> Page:
    settings.WS_PUBLIC_URL = f"ws://{{host}}:{feed.port}"
    page = visit(f"/_ui/activity/?port={feed.port}").page
    assert feed.joined.wait(5)
    expect(page.locator("[data-live]")).to_have_text("En direct")
    page.mouse.move(5, 5)
    return page


def first_row(page: Page) -> str:
    return page.locator("tbody tr a").first.inner_text()


def test_a_payment_appears_on_top_with_its_text_as_text(page: Page, feed: Feed) -> None:
    feed.payment(1)
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("PAYLIVE001")
    expect(row).to_contain_text("<b>Zinc</b>")
    expect(row.locator("[data-cell=amount]")).to_have_text("1 234,50")
    expect(row.locator("time")).to_have_text("2025-11-25 12:01:05")
    expect(row.locator("a")).to_have_attribute("href", "/admin/payments/payment/1/")


def test_server_and_script_write_amounts_and_times_alike(page: Page, feed: Feed) -> None:
    rendered = page.locator("tbody tr").nth(1)
    written = (rendered.locator("[data-cell=amount]").inner_text(), rendered.locator("time").inner_text())
    feed.payment(1, amount="1249.00", attempted_at="2025-11-25T11:59:23Z")
    row = page.locator("tbody tr[data-id='1001']")
    expect(row).to_be_visible()
    shown = (row.locator("[data-cell=amount]").inner_text(), row.locator("time").inner_text())
    assert [text.replace("\u202f", "\xa0") for text in shown] == [text.replace("\u202f", "\xa0") for text in written]


def test_the_row_under_the_cursor_does_not_move(page: Page, feed: Feed) -> None:
    page.locator("tbody tr").nth(2).hover()
    before = page.locator("tbody tr").nth(2).bounding_box()
    for seq in range(1, 13):
        feed.payment(seq)
    expect(page.locator(".arrivals")).to_have_text("12 nouveaux paiements – afficher")
    assert first_row(page) == "PAY0000493"
    assert page.locator("tbody tr").nth(2).bounding_box() == before
    page.locator(".arrivals").click()
    expect(page.locator("tbody tr a").first).to_have_text("PAYLIVE012")
    expect(page.locator(".arrivals")).to_be_hidden()


def test_the_row_with_the_focus_does_not_move(page: Page, feed: Feed) -> None:
    page.locator("tbody tr a").nth(1).focus()
    feed.payment(1)
    expect(page.locator(".arrivals")).to_have_text("1 nouveau paiement – afficher")
    assert first_row(page) == "PAY0000493"
    page.locator("summary").focus()
    expect(page.locator("tbody tr a").first).to_have_text("PAYLIVE001")


def test_a_change_of_state_is_written_in_place(page: Page, feed: Feed) -> None:
    feed.payment(1)
    expect(page.locator("tbody tr[data-id='1001']")).to_have_count(1)
    feed.payment(2, id=1001, external_id="PAYLIVE001", status="refunded", status_label="Remboursé")
    expect(page.locator("tbody tr[data-id='1001'] .badge")).to_have_text("Remboursé")
    expect(page.locator("tbody tr[data-id='1001']")).to_have_count(1)


def test_a_repeated_message_is_shown_once_and_a_gap_is_asked_for(page: Page, feed: Feed) -> None:
    feed.payment(1)
    feed.payment(1)
    feed.payment(4)
    expect(page.locator("tbody tr[data-id='1004']")).to_have_count(1)
    expect(page.locator("tbody tr[data-id='1001']")).to_have_count(1)
    page.wait_for_timeout(50)
    assert feed.received == [{"type": "resume", "after": 1}]
    feed.payment(2)
    feed.payment(3)
    expect(page.locator("tbody tr[data-id='1002']")).to_have_count(1)


def test_it_comes_back_and_resumes_after_the_last_message(page: Page, feed: Feed) -> None:
    feed.payment(7)
    expect(page.locator("tbody tr[data-id='1007']")).to_have_count(1)
    feed.drop()
    expect(page.locator("[data-live]")).to_have_text("Reconnexion")
    assert feed.joined.wait(5)
    expect(page.locator("[data-live]")).to_have_text("En direct")
    page.wait_for_timeout(50)
    assert {"type": "resume", "after": 7} in feed.received


def test_an_ended_session_is_said_and_not_retried(page: Page, feed: Feed) -> None:
    feed.drop(4401)
    expect(page.locator("[data-live]")).to_have_text("Hors ligne")
    expect(page.locator(".toast")).to_contain_text("Votre session est terminée")
    assert not feed.joined.wait(1.2)


def test_the_network_going_away_is_said(page: Page, feed: Feed) -> None:
    page.context.set_offline(True)
    expect(page.locator("[data-live]")).to_have_text("Hors ligne")
    page.context.set_offline(False)


def test_new_figures_replace_the_old_ones(page: Page, feed: Feed) -> None:
    now = {"label": "Paiements", "value": "7", "hint": "à l’instant", "tone": "danger"}
    feed.send({"type": "stats", "tiles": [now]})
    tile = page.locator(".tile").first
    expect(tile.locator(".value")).to_have_text("7")
    expect(tile).to_have_attribute("data-tone", "danger")


def test_the_table_keeps_a_hundred_rows(page: Page, feed: Feed) -> None:
    for seq in range(1, 131):
        feed.payment(seq)
    expect(page.locator("tbody tr a").first).to_have_text("PAYLIVE130")
    assert page.locator("tbody tr").count() == 100
