"""The one place that turns errors into HTTP: RFC 9457 problem+json, a stable code, a sentence, the trace id."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from kivendtout.lib.errors import KvtError
from kivendtout.lib.trace import current_trace_id

PROBLEM_JSON = "application/problem+json"

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
    """DRF's hook. An error that nobody named is not caught here: it stays a 500 and reaches the log."""
    if isinstance(error, KvtError):
        set_rollback()
        body = problem(error.code, error.status, error.message)
        return Response(body, status=error.status, content_type=PROBLEM_JSON)
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    code, sentence = _DRF_SENTENCES.get(type(error), ("invalid_input", "The request cannot be used as it is."))
    extra = {"fields": error.detail} if isinstance(error, exceptions.ValidationError) else {}
    headers = {"Retry-After": str(int(error.wait))} if getattr(error, "wait", None) else None
    body = problem(code, error.status_code, sentence, **extra)
    return Response(body, status=error.status_code, headers=headers, content_type=PROBLEM_JSON)


def problem_response(error: KvtError) -> JsonResponse:
    return JsonResponse(
        problem(error.code, error.status, error.message), status=error.status, content_type=PROBLEM_JSON
    )


def wants_problem(request: HttpRequest) -> bool:
    """Paths below /api/ answer machines; everything else answers people with a page."""
    return request.path.startswith("/api/")


def not_found(request: HttpRequest, exception: Exception | None = None) -> Any:
    from django.views.defaults import page_not_found

    if wants_problem(request):
        code, sentence = _DRF_SENTENCES[exceptions.NotFound]
        return JsonResponse(problem(code, 404, sentence), status=404, content_type=PROBLEM_JSON)
    return page_not_found(request, exception or Exception())


def server_error(request: HttpRequest) -> Any:
    from django.views.defaults import server_error as html_server_error

    if wants_problem(request):
        return JsonResponse(problem("error", 500, KvtError.message), status=500, content_type=PROBLEM_JSON)
    return html_server_error(request)
