"""The one place that turns errors into HTTP: RFC 9457 problem+json, a stable code, a sentence, the trace id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext, gettext_noop, override
from django.views import csrf, defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from kivendtout.lib.errors import KvtError
from kivendtout.lib.trace import current_trace_id

PROBLEM_JSON = "application/problem+json"
API_LANGUAGE = "en"  # partners' programs and their logs: one language, whatever the caller's browser asks for
# A store that restarts is back within seconds; a caller who waits less only adds to its load.
RETRY_AFTER_SECONDS = 15

# What a page says above an error's own sentence.
_HEADLINES = {
    400: gettext_noop("This request cannot be carried out"),
    403: gettext_noop("You cannot do this"),
    404: gettext_noop("Nothing at this address"),
    409: gettext_noop("This is no longer possible"),
    503: gettext_noop("Back in a moment"),
}
_CSRF_SENTENCE = "The request lacks its CSRF token. Send the csrftoken cookie's value in the header X-CSRFToken."

# What DRF raises itself, in our codes and in sentences that say what to do.
_DRF_SENTENCES: dict[type[exceptions.APIException], tuple[str, str]] = {
    exceptions.ParseError: ("malformed", "The body is not valid JSON. Correct it and send it again."),
    exceptions.AuthenticationFailed: ("authentication_failed", "The credential is wrong or expired. Sign in again."),
    exceptions.NotAuthenticated: ("not_authenticated", "This address needs a credential. Send one and try again."),
    exceptions.PermissionDenied: ("not_allowed", "Your role does not allow this. Ask an administrator."),
    exceptions.NotFound: ("not_found", "There is nothing at this address. Check the identifier."),
    exceptions.MethodNotAllowed: (
        "method_not_allowed",
        "This address does not take that method. See the Allow header.",
    ),
    exceptions.NotAcceptable: ("not_acceptable", "This address answers application/json only."),
    exceptions.UnsupportedMediaType: ("unsupported_media_type", "Send the body as application/json."),
    exceptions.Throttled: ("too_many_requests", "Too many requests. Wait as long as Retry-After says."),
}


def problem(code: str, status: int, detail: str, **extra: Any) -> dict[str, Any]:
    return {
        "type": f"urn:kivendtout:error:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
        "trace_id": current_trace_id(),
        **extra,
    }


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook. An error that nobody foresaw is not caught here: it stays a 500 and reaches the log."""
    if isinstance(error, KvtError):
        if not _is_answer(error):
            return None
        set_rollback()
        body = problem(error.code, error.status, error.message)
        return Response(body, status=error.status, headers=_headers(error), content_type=PROBLEM_JSON)
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    code, sentence = _DRF_SENTENCES.get(type(error), ("invalid_input", "The request cannot be used as it is."))
    extra = {"fields": error.detail} if isinstance(error, exceptions.ValidationError) else {}
    headers = {"Retry-After": str(int(error.wait))} if getattr(error, "wait", None) else None
    body = problem(code, error.status_code, sentence, **extra)
    return Response(body, status=error.status_code, headers=headers, content_type=PROBLEM_JSON)


def _is_answer(error: KvtError) -> bool:
    """A wrong use of our own code (500) is no answer to anybody: it goes to the log with its traceback."""
    return error.status < 500 or error.status == 503


def _headers(error: KvtError) -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.status == 503 else {}


def problem_response(error: KvtError) -> JsonResponse:
    return _problem_json(error.code, error.status, error.message, headers=_headers(error))


def _problem_json(code: str, status: int, sentence: str, **more: Any) -> JsonResponse:
    return JsonResponse(problem(code, status, sentence), status=status, content_type=PROBLEM_JSON, **more)


def error_page(request: HttpRequest, error: KvtError) -> HttpResponse:
    headline = _HEADLINES.get(error.status, _HEADLINES[400])
    context = {"status": error.status, "headline": gettext(headline), "sentence": error.translated}
    page = render_to_string("problem.html", context, request)
    return HttpResponse(page, status=error.status, headers=_headers(error))


def wants_problem(request: HttpRequest) -> bool:
    """Paths below /api/ answer machines; everything else answers people with a page."""
    return request.path.startswith("/api/")


class ErrorMiddleware:
    """Put it last of ours: a named error that any view lets through becomes its answer. The API speaks English."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not wants_problem(request):
            return self.get_response(request)
        with override(API_LANGUAGE):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", API_LANGUAGE)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, KvtError) or not _is_answer(exception):
            return None
        return problem_response(exception) if wants_problem(request) else error_page(request, exception)


# --- Django's own refusals (handler400, 403, 404, 500 in urls.py; CSRF_FAILURE_VIEW in settings.py) ------------------
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if wants_problem(request):
        return _problem_json("malformed", 400, "The request is malformed. Correct it and send it again.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if wants_problem(request):
        code, sentence = _DRF_SENTENCES[exceptions.PermissionDenied]
        return _problem_json(code, 403, sentence)
    return defaults.permission_denied(request, exception)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if wants_problem(request):
        return _problem_json("csrf_failed", 403, _CSRF_SENTENCE)
    return csrf.csrf_failure(request, reason)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if wants_problem(request):
        code, sentence = _DRF_SENTENCES[exceptions.NotFound]
        return _problem_json(code, 404, sentence)
    return defaults.page_not_found(request, exception or Exception())


def server_error(request: HttpRequest) -> HttpResponse:
    if wants_problem(request):
        return _problem_json("error", 500, KvtError.message)
    return defaults.server_error(request)
