"""The security headers, and what our templates and scripts must not contain for the policy to hold."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from kivendtout import csp
from kivendtout.context_processors import ui

ROOT = Path(__file__).resolve().parents[2]


def directives(header: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for part in header.split(";") if (words := part.split())}


@pytest.fixture
def login_headers() -> dict[str, str]:
    return dict(Client().get("/accounts/login/").headers)


def test_our_pages_allow_nothing_inline(login_headers: dict[str, str]) -> None:
    policy = directives(login_headers["Content-Security-Policy"])
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]
    assert "unsafe" not in login_headers["Content-Security-Policy"]


def test_the_other_headers_are_set(login_headers: dict[str, str]) -> None:
    assert login_headers["X-Content-Type-Options"] == "nosniff"
    assert login_headers["Referrer-Policy"] == "same-origin"
    assert login_headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert login_headers["X-Frame-Options"] == "DENY"
    assert "geolocation=()" in login_headers["Permissions-Policy"]


def test_only_the_admin_site_may_evaluate_code_and_still_no_inline_script() -> None:
    policy = directives(Client().get("/admin/login/").headers["Content-Security-Policy"])
    assert policy["script-src"] == ["'self'", "'unsafe-eval'"]
    assert policy["style-src"] == ["'self'", "'unsafe-inline'"]


def test_the_socket_of_the_host_in_use_may_be_reached(settings: Any) -> None:
    settings.WS_PUBLIC_URL = "ws://{host}:8001"
    settings.ALLOWED_HOSTS = ["fraud.example.com"]
    header = Client().get("/accounts/login/", HTTP_HOST="fraud.example.com:8000").headers["Content-Security-Policy"]
    assert directives(header)["connect-src"] == ["'self'", "ws://fraud.example.com:8001"]


def test_a_fixed_socket_address_is_in_the_policy_itself() -> None:
    assert csp.policy("wss://live.example.com/ws")["DIRECTIVES"]["connect-src"] == ("'self'", "wss://live.example.com")


def test_the_page_opens_its_socket_where_the_policy_allows_it(settings: Any) -> None:
    settings.WS_PUBLIC_URL = "ws://{host}:8001"
    request = RequestFactory().get("/", HTTP_HOST="127.0.0.1:8000")
    assert csp.socket_url(request, "/ws/activity/") == "ws://127.0.0.1:8001/ws/activity/"


def test_a_view_may_still_narrow_its_own_policy(settings: Any) -> None:
    def view(_request: Any) -> HttpResponse:
        response = HttpResponse()
        response._csp_update = {"img-src": ("blob:",)}  # type: ignore[attr-defined]
        return response

    response: Any = csp.SecurityHeadersMiddleware(view)(RequestFactory().get("/"))
    assert response._csp_update["img-src"] == ("blob:",)


@pytest.mark.parametrize(("cookie", "theme"), [("dark", "dark"), ("light", "light"), ('"><script>', ""), ("", "")])
def test_only_a_known_theme_reaches_the_page(cookie: str, theme: str) -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = cookie
    assert ui(request)["theme"] == theme


def test_a_person_without_a_name_is_shown_by_e_mail() -> None:
    request = RequestFactory().get("/")
    request.user = SimpleNamespace(is_authenticated=True, full_name="", email="ines.moreau@example.com", tenant="T")  # type: ignore[assignment]
    assert ui(request)["ui_person"] == {
        "name": "ines.moreau@example.com",
        "email": "ines.moreau@example.com",
        "initials": "im",
    }


def test_templates_hold_no_inline_script_style_or_handler() -> None:
    inline = r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\sstyle=|\son[a-z]+=|javascript:"
    forbidden = re.compile(inline, re.IGNORECASE)
    strays = {
        path.name: found
        for path in (ROOT / "templates").rglob("*.html")
        if (found := forbidden.findall(path.read_text(encoding="utf-8")))
    }
    assert strays == {}


def test_assets_are_local_and_scripts_evaluate_nothing() -> None:
    # The only outside address a page may write is a name space.
    remote = re.compile(r"https?://(?!www\.w3\.org/)[^\s\"')]+|@import url\(\"?http|sourceMappingURL")
    strays = {
        path.name: found
        for folder in ("static/css", "static/js", "static/icons", "templates")
        for path in (ROOT / folder).rglob("*.*")
        if (found := remote.findall(path.read_text(encoding="utf-8")))
    }
    assert strays == {}
    code = re.compile(r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write")
    assert [p.name for p in (ROOT / "static/js").glob("*.js") if code.search(p.read_text(encoding="utf-8"))] == []


def test_every_font_has_its_licence_beside_it() -> None:
    fonts = ROOT / "static/fonts"
    for font in fonts.glob("*.woff2"):
        assert (fonts / f"{font.name.partition('-latin')[0]}-LICENSE.txt").is_file(), font.name
