"""What a request may be refused for, and how every refusal is written: problem+json, a code, a sentence, the field."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpResponse

from kivendtout.api_errors import PROBLEM_JSON, RETRY_AFTER_SECONDS, problem
from kivendtout.lib.errors import InvalidInput, KvtError


class InvalidRequest(InvalidInput):
    code = "invalid_request"
    message = "The request cannot be used as it is. Correct it and send it again."

    def __init__(self, message: str | None = None, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class MalformedBody(InvalidRequest):
    code = "malformed"
    message = "The body is not valid JSON in UTF-8. Correct it and send it again."


class CardDataSent(InvalidRequest):
    """Nothing of the body is repeated, here or anywhere."""

    code = "card_data"
    message = (
        "The body holds what looks like a card number or a security code, which must never be sent. Send card_bin, "
        "last_four and card_fingerprint instead. Nothing of this request was kept."
    )


class BodyTooLarge(KvtError):
    code = "body_too_large"
    status = 413
    message = "The body has more than %(most)s bytes. Send less in one request."


class UnsupportedMediaType(KvtError):
    code = "unsupported_media_type"
    status = 415
    message = "Send the body as application/json in UTF-8, without a content encoding."


class MethodNotAllowed(KvtError):
    code = "method_not_allowed"
    status = 405
    message = "This address takes %(allowed)s only. Send the request with that method."


def problem_body(error: KvtError, **more: Any) -> bytes:
    field = getattr(error, "field", None)
    extra = more if field is None else {"field": field, **more}
    return msgspec.json.encode(problem(error.code, error.status, error.message, **extra))


def problem_answer(error: KvtError) -> HttpResponse:
    response = HttpResponse(problem_body(error), status=error.status, content_type=PROBLEM_JSON)
    response.headers["Cache-Control"] = "no-store"
    if error.status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    elif error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="KiVendTout"'
    elif isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = str(error.details["allowed"])
    return response
