"""The live table against a real socket: order, gaps, changes, reconnection, and a row that does not run away.

The messages are built by the server's own functions, so that the two cannot drift apart.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from time import monotonic, sleep
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from apps.payments.live.messages import latest_message, push_message
from tests.ui.conftest import Open

pytestmark = pytest.mark.browser


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": 1000 + number, "external_id": f"PAYLIVE{number:03d}", "customer_external_id": "C00001",
        "attempted_at": datetime(2025, 11, 25, 12, 1, 5, tzinfo=UTC), "merchant_name": "<b>Zinc</b>",
        "amount": Decimal("1234.50"), "currency": "EUR", "status": "success", "status_label": "Réussi",
        "method_label": "Carte", "country": "FR", "device_kind": "ios", "url": f"/admin/payments/payment/{number}/",
        **changes,
    }  # fmt: skip


PENDING = {"status": "pending", "status_label": "En attente"}


class Feed:
    """A socket server that the test plays by hand."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.clients: list[ServerConnection] = []
        self.pushes = 0
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

    def payment(self, number: int, **changes: Any) -> None:
        """One payment in one push, numbered as the server numbers them."""
        self.pushes += 1
        self.send(push_message(self.pushes, [row(number, **changes)]))

    def answer(self, *rows: dict[str, Any]) -> None:
        """To `resume`; rows newest first, as the selector gives them."""
        self.send(latest_message(list(rows)))

    def asked(self, times: int) -> bool:
        """Whether it was asked so often, and never anything else."""
        until = monotonic() + 3
        while len(self.received) < times and monotonic() < until:
            sleep(0.02)
        sleep(0.1)  # for one too many
        return self.received == [{"type": "resume"}] * times

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
    return page.locator("tbody tr a.mono").first.inner_text()


def test_a_payment_appears_on_top_with_its_text_as_text(page: Page, feed: Feed) -> None:
    feed.payment(1)
    first = page.locator("tbody tr").first
    expect(first).to_contain_text("PAYLIVE001")
    expect(first).to_contain_text("<b>Zinc</b>")
    expect(first.locator("[data-cell=amount]")).to_have_text("1 234,50")
    expect(first.locator("time")).to_have_text("2025-11-25 12:01:05")
    expect(first.locator("a.mono")).to_have_attribute("href", "/admin/payments/payment/1/")


def test_server_and_script_write_amounts_and_times_alike(page: Page, feed: Feed) -> None:
    rendered = page.locator("tbody tr").nth(1)
    written = (rendered.locator("[data-cell=amount]").inner_text(), rendered.locator("time").inner_text())
    feed.payment(1, amount=Decimal("1249.00"), attempted_at=datetime(2025, 11, 25, 11, 59, 23, tzinfo=UTC))
    live = page.locator("tbody tr[data-id='1001']")
    expect(live).to_be_visible()
    shown = (live.locator("[data-cell=amount]").inner_text(), live.locator("time").inner_text())
    assert [text.replace("\u202f", "\xa0") for text in shown] == [text.replace("\u202f", "\xa0") for text in written]


def test_the_row_under_the_cursor_does_not_move(page: Page, feed: Feed) -> None:
    page.locator("tbody tr").nth(2).hover()
    before = page.locator("tbody tr").nth(2).bounding_box()
    for number in range(1, 13):
        feed.payment(number)
    expect(page.locator(".arrivals")).to_have_text("12 nouveaux paiements – afficher")
    assert first_row(page) == "PAY0000493"
    assert page.locator("tbody tr").nth(2).bounding_box() == before
    page.locator(".arrivals").click()
    expect(page.locator("tbody tr a.mono").first).to_have_text("PAYLIVE012")
    expect(page.locator(".arrivals")).to_be_hidden()


def test_the_row_with_the_focus_does_not_move(page: Page, feed: Feed) -> None:
    page.locator("tbody tr a.mono").nth(1).focus()
    feed.payment(1)
    expect(page.locator(".arrivals")).to_have_text("1 nouveau paiement – afficher")
    assert first_row(page) == "PAY0000493"
    page.locator("summary").focus()
    expect(page.locator("tbody tr a.mono").first).to_have_text("PAYLIVE001")


def test_a_payment_that_succeeds_changes_in_place_under_the_cursor(page: Page, feed: Feed) -> None:
    feed.payment(1, **PENDING)
    feed.payment(2, **PENDING)
    first = page.locator("tbody tr[data-id='1001']")
    expect(first.locator("[data-cell=status]")).to_have_text("En attente")
    first.hover()
    before = first.bounding_box() or {"y": -1.0}
    feed.payment(1)
    expect(first.locator("[data-cell=status]")).to_have_text("Réussi")
    expect(first.locator("[data-cell=status]")).to_have_attribute("data-status", "success")
    assert first_row(page) == "PAYLIVE002"
    assert before["y"] == (first.bounding_box() or {"y": -2.0})["y"]
    expect(first).to_have_count(1)
    expect(page.locator(".arrivals")).to_be_hidden()


def test_a_payment_that_succeeds_before_it_is_shown_arrives_succeeded(page: Page, feed: Feed) -> None:
    page.locator("tbody tr").nth(2).hover()
    feed.payment(1, **PENDING)
    feed.payment(1)
    expect(page.locator(".arrivals")).to_have_text("1 nouveau paiement – afficher")
    page.locator(".arrivals").click()
    expect(page.locator("tbody tr[data-id='1001'] [data-cell=status]")).to_have_text("Réussi")


def test_it_asks_once_for_what_arrived_between_page_and_socket(page: Page, feed: Feed) -> None:
    assert feed.asked(1)
    feed.answer(row(2), row(1))
    expect(page.locator("tbody tr a.mono").first).to_have_text("PAYLIVE002")
    expect(page.locator("tbody tr a.mono").nth(1)).to_have_text("PAYLIVE001")
    for number in range(1, 6):
        feed.payment(number)
    expect(page.locator("tbody tr a.mono").first).to_have_text("PAYLIVE005")
    expect(page.locator("tbody tr[data-id='1001']")).to_have_count(1)
    assert feed.asked(1)


def test_holes_are_asked_for_one_question_at_a_time(page: Page, feed: Feed) -> None:
    assert feed.asked(1)
    feed.answer()
    for number in range(1, 6):
        feed.payment(number, **PENDING)
        feed.pushes += 1  # one that got lost
    assert feed.asked(2)
    feed.answer(row(6), row(5))  # meanwhile more were missed, so it asks again, once
    expect(page.locator("tbody tr[data-id='1005'] [data-cell=status]")).to_have_text("Réussi")
    assert feed.asked(3)
    feed.answer(row(6), row(5))
    assert feed.asked(3)
    expect(page.locator("tbody tr a.mono").first).to_have_text("PAYLIVE006")


def test_a_server_that_lost_count_is_asked_too(page: Page, feed: Feed) -> None:
    assert feed.asked(1)
    feed.answer()
    feed.pushes = 40
    feed.payment(1)
    feed.pushes = 0
    feed.payment(2)
    assert feed.asked(2)


def test_it_comes_back_and_asks_for_what_it_missed(page: Page, feed: Feed) -> None:
    feed.payment(7, **PENDING)
    expect(page.locator("tbody tr[data-id='1007']")).to_have_count(1)
    feed.drop()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "reconnecting")
    assert feed.joined.wait(5)
    expect(page.locator("[data-live]")).to_have_text("En direct")
    assert feed.asked(2)
    feed.answer(row(8), row(7))
    expect(page.locator("tbody tr a.mono").first).to_have_text("PAYLIVE008")
    expect(page.locator("tbody tr[data-id='1007'] [data-cell=status]")).to_have_text("Réussi")


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
    for number in range(1, 131):
        feed.payment(number)
    expect(page.locator("tbody tr a.mono").first).to_have_text("PAYLIVE130")
    assert page.locator("tbody tr").count() == 100


DENIED = {
    "outcome": "DENY", "label": "Refusé", "severity": "high", "severity_label": "Haute", "score": 0.9,
    "url": "/admin/fraud/decision/1/change/",
}  # fmt: skip
ALLOWED = {**DENIED, "outcome": "ALLOW", "label": "Autorisé", "severity": "", "severity_label": "", "url": ""}


def test_a_payment_arrives_with_what_was_decided_on_it(page: Page, feed: Feed) -> None:
    feed.payment(1, decision=DENIED)
    arrived = page.locator("tbody tr[data-id='1001']")
    chip = arrived.locator("[data-cell=decision]")
    expect(chip).to_have_text("Refusé")
    expect(chip).to_have_attribute("data-outcome", "DENY")
    expect(chip).to_have_attribute("href", DENIED["url"])
    expect(arrived.locator("[data-severity=high]")).to_have_text("Haute")


def test_an_allowed_payments_chip_leads_nowhere(page: Page, feed: Feed) -> None:
    feed.payment(1, decision=ALLOWED)
    arrived = page.locator("tbody tr[data-id='1001']")
    expect(arrived.locator("[data-cell=decision]")).to_have_text("Autorisé")
    assert arrived.locator("[data-cell=decision]").get_attribute("href") is None
    expect(arrived.locator("[data-cell=severity]")).to_be_hidden()


def test_a_payment_without_a_decision_shows_no_chip(page: Page, feed: Feed) -> None:
    feed.payment(1)
    feed.payment(2, decision=None)
    for number in (1001, 1002):
        arrived = page.locator(f"tbody tr[data-id='{number}']")
        expect(arrived).to_have_count(1)
        expect(arrived.locator("[data-cell=decision]")).to_be_hidden()


def test_a_decision_that_comes_later_is_written_into_its_row(page: Page, feed: Feed) -> None:
    feed.payment(1, **PENDING)
    feed.payment(1, decision=DENIED)
    arrived = page.locator("tbody tr[data-id='1001']")
    expect(arrived.locator("[data-cell=decision]")).to_have_text("Refusé")
    feed.payment(1, decision=ALLOWED)
    expect(arrived.locator("[data-cell=severity]")).to_be_hidden()


def test_a_chips_address_and_words_are_never_markup(page: Page, feed: Feed) -> None:
    feed.payment(1, decision={**DENIED, "url": "javascript:alert(1)", "label": "<b>Refusé</b>"})
    chip = page.locator("tbody tr[data-id='1001'] [data-cell=decision]")
    expect(chip).to_have_text("<b>Refusé</b>")
    assert chip.get_attribute("href") is None
