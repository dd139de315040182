"""One server without a database and one browser for all page tests; a fresh browser context for each."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test.testcases import QuietWSGIRequestHandler
from playwright.sync_api import Browser, Page, sync_playwright

from kivendtout.lib.messages import compile_all

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


class SamplePages(WSGIHandler):
    """The project's own handler and middleware, with tests.ui.urls for this server alone."""

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        request.urlconf = "tests.ui.urls"
        return super().get_response(request)


@pytest.fixture(scope="package")
def site() -> Iterator[str]:
    compile_all()
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler)
    server.daemon_threads = True
    server.set_app(StaticFilesHandler(SamplePages()))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if not path:
        pytest.skip("No Chromium on this machine: install the package `chromium`, or name one in CHROMIUM.")
    # Playwright keeps an event loop in this thread; Django would take our plain code for asynchronous code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Visit:
    """A page, and what the browser complained about while it was open."""

    page: Page
    complaints: list[str] = field(default_factory=list)


Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Open]:
    contexts = []

    def open_page(
        path: str, *, width: int = 1440, theme: str = "light", language: str = "fr", cookies: bool = True
    ) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            locale=language,
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        if cookies:
            context.add_cookies(
                [
                    {"name": "django_language", "value": language, "url": site},
                    {"name": "theme", "value": theme, "url": site},
                ]
            )
        page = context.new_page()
        visit = Visit(page)
        page.on(
            "console",
            lambda message: visit.complaints.append(message.text) if message.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.goto(site + path)
        page.evaluate("document.fonts.ready")
        return visit

    yield open_page
    for context in contexts:
        context.close()
