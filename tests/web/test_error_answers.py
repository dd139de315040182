"""What a named error, and each refusal of Django's own, becomes: a problem below /api/, a page elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path
from django.utils.translation import get_language, gettext_noop, override

from apps.compliance.models import Tenant
from apps.payments.services.states import TransitionRefused, payment_move
from kivendtout import api_errors
from kivendtout.lib.errors import (
    Conflict,
    InvalidInput,
    KvtError,
    NotAllowed,
    NotFound,
    ServiceUnavailable,
    TenantNotSet,
)
from kivendtout.lib.messages import compile_all
from tests.conftest import NOON
from tests.factories import make_payment

handler400 = "kivendtout.api_errors.bad_request"
handler403 = "kivendtout.api_errors.permission_denied"
handler404 = "kivendtout.api_errors.not_found"
handler500 = "kivendtout.api_errors.server_error"

ERRORS: dict[str, Exception] = {
    "400": InvalidInput(),
    "403": NotAllowed(),
    "404": NotFound(),
    "409": Conflict(),
    "503": ServiceUnavailable(),
    "named-500": TenantNotSet(),
    "unknown": ZeroDivisionError(),
    "django-400": SuspiciousOperation("x"),
    "django-403": PermissionDenied(),
}


def raising(request: HttpRequest, name: str) -> HttpResponse:
    raise ERRORS[name]


def language(request: HttpRequest) -> HttpResponse:
    return HttpResponse(get_language())


urlpatterns = [
    path("api/language", language),
    path("language", language),
    path("api/<str:name>", raising),
    path("<str:name>", raising),
    path("", include("kivendtout.urls")),  # what the pages' frame links to
]


@pytest.fixture(scope="module", autouse=True)
def _catalogues() -> None:
    compile_all()


@pytest.fixture(autouse=True)
def _site() -> Iterator[None]:
    """These views behind the project's own middleware, with nothing that needs a database."""
    wired = [
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "kivendtout.api_errors.ErrorMiddleware",
    ]
    with override_settings(
        LOCALE_PATHS=settings.LOCALE_PATHS,  # said anew, so that Django reads the catalogues anew
        ROOT_URLCONF=__name__,
        MIDDLEWARE=wired,
        CSRF_FAILURE_VIEW="kivendtout.api_errors.csrf_failure",
    ):
        yield


def ask(where: str, language: str = "fr", method: str = "get", **extra: Any) -> Any:
    client = Client(raise_request_exception=False, headers={"accept-language": language}, **extra)
    return getattr(client, method)(where)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 503])
def test_a_named_error_below_api_is_a_problem_in_english(status: int) -> None:
    response = ask(f"/api/{status}")
    body = json.loads(response.content)
    error = ERRORS[str(status)]
    assert isinstance(error, KvtError)
    assert (response.status_code, body["status"], body["code"]) == (status, status, error.code)
    assert body["detail"] == error.message
    assert response.headers["Content-Type"] == api_errors.PROBLEM_JSON


@pytest.mark.parametrize("status", [400, 403, 404, 409, 503])
def test_a_named_error_elsewhere_is_a_page_in_the_readers_language(status: int) -> None:
    english, french = ask(f"/{status}", "en"), ask(f"/{status}", "fr")
    error = ERRORS[str(status)]
    assert isinstance(error, KvtError)
    assert (english.status_code, french.status_code) == (status, status)
    with override("fr"):
        sentence = error.translated
    assert error.message in english.content.decode()
    assert error.message not in french.content.decode()
    assert sentence != error.message
    assert sentence.split(".")[0] in french.content.decode()


@pytest.mark.parametrize("where", ["/503", "/api/503"])
def test_a_service_that_is_away_says_when_to_come_back(where: str) -> None:
    assert ask(where).headers["Retry-After"] == str(api_errors.RETRY_AFTER_SECONDS)


@pytest.mark.parametrize("name", ["named-500", "unknown"])
def test_a_fault_of_ours_stays_a_500_and_tells_nothing_of_our_code(name: str) -> None:
    page, api = ask(f"/{name}"), ask(f"/api/{name}")
    assert (page.status_code, api.status_code) == (500, 500)
    assert "tenant_scope" not in page.content.decode() + api.content.decode()
    assert json.loads(api.content)["code"] == "error"
    with pytest.raises(type(ERRORS[name])):
        Client().get(f"/{name}")


@pytest.mark.parametrize(("name", "code"), [("django-400", "malformed"), ("django-403", "not_allowed")])
def test_djangos_own_refusals_are_problems_below_api_and_pages_elsewhere(name: str, code: str) -> None:
    api, page = ask(f"/api/{name}"), ask(f"/{name}")
    status = int(name[-3:])
    assert (api.status_code, page.status_code) == (status, status)
    assert json.loads(api.content)["code"] == code
    assert "<h1>" in page.content.decode()


def test_a_missing_address_is_a_problem_below_api_and_a_page_elsewhere() -> None:
    api, page = ask("/api/a/b"), ask("/a/b")
    assert (api.status_code, page.status_code) == (404, 404)
    assert json.loads(api.content)["code"] == "not_found"
    assert "<h1>" in page.content.decode()


def test_a_form_without_its_token_is_a_problem_below_api_and_a_page_elsewhere() -> None:
    api, page = (ask(where, method="post", enforce_csrf_checks=True) for where in ("/api/400", "/400"))
    assert (api.status_code, page.status_code) == (403, 403)
    assert json.loads(api.content)["code"] == "csrf_failed"
    assert "Le formulaire a expiré" in page.content.decode()


def test_the_api_speaks_english_whatever_the_browser_asks_for() -> None:
    api, page = ask("/api/language"), ask("/language")
    assert (api.content, api.headers["Content-Language"]) == (b"en", "en")
    assert page.content == b"fr"
    assert ask("/language").content == b"fr"  # and leaves the thread as it was


def test_a_sentence_keeps_its_values_in_both_languages() -> None:
    text = gettext_noop("Say why you need to see this, in %(shortest)s to %(longest)s characters.")
    error = InvalidInput(text, shortest=10, longest=300)
    with override("fr"):
        assert error.message == "Say why you need to see this, in 10 to 300 characters."
        assert error.translated == "Indiquez pourquoi vous avez besoin de ces données, en 10 à 300 caractères."
    assert InvalidInput("100% sure.").message == "100% sure."


def test_a_refused_change_names_the_statuses_as_the_reader_knows_them(in_tenant: Tenant) -> None:
    with override("fr"), pytest.raises(TransitionRefused) as refused:
        payment_move(payment=make_payment(in_tenant), to_status="refunded", reason="x", actor="test", now=NOON)
    assert "“Pending” cannot become “Refunded”" in refused.value.message
    with override("fr"):
        assert "«\u00a0En attente\u00a0» ne peut pas passer à «\u00a0Remboursé\u00a0»" in refused.value.translated
