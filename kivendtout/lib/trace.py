"""One id follows a payment across processes: HTTP, Kafka and Celery all carry it as a W3C `traceparent`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from structlog.contextvars import clear_contextvars

HEADER = "traceparent"
RESPONSE_HEADER = "X-Trace-Id"
# Version ff, an all-zero trace and an all-zero span are invalid by the standard.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_current: ContextVar[str | None] = ContextVar("trace_id", default=None)
_task_tokens: dict[str, Token[str | None]] = {}


def current_trace_id() -> str | None:
    return _current.get()


def new_trace() -> str:
    """Starts a trace here and returns its id."""
    trace_id = secrets.token_hex(16)
    _current.set(trace_id)
    return trace_id


def bind_trace(trace_id: str) -> str:
    """Continues a trace that began elsewhere; an id that is not one starts a new trace."""
    if not _TRACE_ID.fullmatch(trace_id):
        return new_trace()
    _current.set(trace_id)
    return trace_id


@contextmanager
def trace_scope(trace_id: str | None = None) -> Iterator[str]:
    """A trace for the length of a block (one Kafka message, one command); afterwards the former one is back."""
    token = _current.set(None)
    try:
        yield bind_trace(trace_id or "")
    finally:
        _current.reset(token)


def traceparent() -> str:
    """What to send along: the current trace (begun now if there is none) with a span id of this call."""
    return span_of(current_trace_id() or new_trace())


def span_of(trace_id: str) -> str:
    """A new span in a trace that was kept, such as one of a message that is published later."""
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"


def parse_traceparent(value: str | bytes | None) -> str | None:
    """The trace id of a well-formed `traceparent`, else None."""
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value or ""
    match = _TRACEPARENT.fullmatch(text)
    return match.group(1) if match else None


def parse_request_id(value: str | None) -> str | None:
    """An `X-Request-ID` that is a UUID or 32 hex digits can serve as the trace id; anything else is not taken."""
    text = (value or "").lower()
    text = text.replace("-", "") if _UUID.fullmatch(text) else text
    return text if _TRACE_ID.fullmatch(text) else None


# --- Kafka ------------------------------------------------------------------------------------------------------------
def kafka_headers() -> list[tuple[str, bytes]]:
    return [(HEADER, traceparent().encode())]


def trace_from_kafka(headers: Iterable[tuple[str, bytes | None]] | None) -> str | None:
    return next((parse_traceparent(value) for key, value in headers or () if key == HEADER), None)


# --- Celery -----------------------------------------------------------------------------------------------------------
def _before_publish(headers: dict[str, Any] | None = None, **_: object) -> None:
    if headers is not None:
        headers.setdefault(HEADER, traceparent())


def _before_run(task_id: str, task: Any, **_: object) -> None:
    # An eager task has no header and stays in its caller's trace.
    trace_id = parse_traceparent(task.request.get(HEADER)) or current_trace_id() or secrets.token_hex(16)
    _task_tokens[task_id] = _current.set(trace_id)


def _after_run(task_id: str, **_: object) -> None:
    if token := _task_tokens.pop(task_id, None):
        _current.reset(token)


def connect_celery_trace() -> None:
    """Call once in the Celery application's module: tasks then run in the trace of whoever enqueued them."""
    from celery import signals  # only processes that talk to Celery pay for importing it

    signals.before_task_publish.connect(_before_publish, dispatch_uid="trace")
    signals.task_prerun.connect(_before_run, dispatch_uid="trace")
    signals.task_postrun.connect(_after_run, dispatch_uid="trace")


# --- HTTP -------------------------------------------------------------------------------------------------------------
def trace_from_http(headers: Mapping[str, str]) -> str | None:
    return parse_traceparent(headers.get(HEADER)) or parse_request_id(headers.get("X-Request-ID"))


Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class TraceMiddleware:
    """Continues the caller's trace, or starts one, and answers with its id. Put it before all that logs."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        if self.is_async:
            return self._answer_async(request)
        with self._request_scope(request) as trace_id:
            return self._marked(self.get_response(request), trace_id)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        with self._request_scope(request) as trace_id:
            return self._marked(await self.get_response(request), trace_id)

    @contextmanager
    def _request_scope(self, request: HttpRequest) -> Iterator[str]:
        clear_contextvars()  # a thread serves many requests; one's tenant must not show on the next one's lines
        with trace_scope(trace_from_http(request.headers)) as trace_id:
            yield trace_id

    @staticmethod
    def _marked(response: HttpResponseBase, trace_id: str) -> HttpResponseBase:
        response.headers[RESPONSE_HEADER] = trace_id
        return response
