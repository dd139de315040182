"""Evidently's page of a day: made from bins, its figures ours, and at work in a browser that gives it nothing."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Error

from apps.fraud.admin.scorer_watch import page_response
from apps.fraud.engine.features.catalogue import INDEX
from apps.fraud.scorers.artefact import artefact_read
from apps.fraud.scorers.drift import compare
from apps.fraud.scorers.scorer import Scorer
from apps.fraud.services import scorer_watch_page
from apps.fraud.services.scorer_watch_figures import feature_weights
from apps.fraud.services.scorer_watch_page import page_made
from tests.scorers.small import small_rows
from tests.scorers.watch.days import watchable


def given(*, dearer: float = 1.0) -> tuple[Any, ...]:
    """Baseline, matrix, columns, scores, weights."""
    trained = watchable()
    loaded, rows = Scorer(trained.artefact), small_rows(600, seed=31)[0]
    for row in rows:
        row[INDEX["amount_ratio"]] *= dearer  # type: ignore[operator]
    matrix = loaded.matrix(rows)
    weights = feature_weights(artefact_read(trained.artefact))
    return trained.baseline, matrix, loaded.header.columns, loaded.matrix_probabilities(matrix), weights


@pytest.fixture(scope="module")
def page() -> bytes:
    made = page_made(*given(dearer=1.4))
    assert made is not None
    return made


@pytest.fixture
def address(page: bytes) -> Iterator[str]:
    """The page as the admin site answers with it, headers and all."""
    answer = page_response(page, packed=True)

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 404)
            for name, value in answer.items():
                self.send_header(name, value)
            self.send_header("Set-Cookie", "sessionid=secret")
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_given: Any) -> None:
            """A test's server has nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_it_opens_without_an_error_shows_our_figures_and_reaches_no_cookie(browser: Browser, address: str) -> None:
    said: list[str] = []
    tab = browser.new_page()
    tab.on("console", lambda one: said.append(one.text) if one.type in ("error", "warning") else None)
    tab.on("pageerror", lambda one: said.append(str(one)))
    tab.goto(address)
    tab.get_by_text("amount_ratio").first.wait_for()
    shown = tab.inner_text("body")
    found = compare(*given(dearer=1.4)[:4]).features["amount_ratio"].psi
    theirs = re.search(r"amount_ratio\s+cat\s+Detected\s+PSI\s+([\d.]+)", shown)
    assert theirs is not None and float(theirs[1]) == pytest.approx(found, abs=0.02)
    assert "payment_card_mismatch" in shown and "SCORE" in shown
    with pytest.raises(Error, match="sandboxed"):
        tab.evaluate("document.cookie")
    with pytest.raises(Error, match="Failed to fetch"):
        tab.evaluate("fetch('/admin/')")
    tab.close()
    assert [one for one in said if "/admin/" not in one and "connect" not in one] == []


def test_it_holds_bins_and_no_payments(page: bytes) -> None:
    html = gzip.decompress(page).decode()
    amounts = [f"{row[INDEX['amount_eur']]}" for row in small_rows(600, seed=31)[0]]
    assert sum(amount in html for amount in amounts if len(amount) > 6) == 0


def test_a_page_weighs_about_a_megabyte(page: bytes) -> None:
    assert len(page) < 1_600_000 and len(gzip.decompress(page)) > len(page)


def test_when_evidently_fails_there_is_no_page_and_nothing_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: Any) -> str:
        raise RuntimeError("no")

    monkeypatch.setattr(scorer_watch_page, "_html", broken)
    assert page_made(*given()) is None
