"""One id follows a payment through HTTP, Kafka and Celery."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from kivendtout.lib import trace
from kivendtout.lib.trace import (
    TraceMiddleware,
    bind_trace,
    connect_celery_trace,
    current_trace_id,
    kafka_headers,
    new_trace,
    parse_request_id,
    parse_traceparent,
    trace_from_kafka,
    trace_scope,
    traceparent,
)

ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{ID}-00f067aa0ba902b7-01"


@pytest.fixture(autouse=True)
def no_trace() -> Iterator[None]:
    token = trace._current.set(None)
    yield
    trace._current.reset(token)


def test_a_new_trace_is_32_hex_digits_and_current() -> None:
    first = new_trace()
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert current_trace_id() == first != new_trace()


def test_what_is_sent_along_names_the_current_trace_and_a_new_span() -> None:
    bind_trace(ID)
    assert parse_traceparent(traceparent()) == ID
    assert traceparent() != traceparent()


def test_sending_begins_a_trace_where_there_is_none() -> None:
    assert parse_traceparent(traceparent()) == current_trace_id()


def test_a_later_version_of_the_standard_is_understood() -> None:
    assert parse_traceparent(f"01-{ID}-00f067aa0ba902b7-00") == ID


@pytest.mark.parametrize(
    "value",
    [
        None, "", "x", ID, PARENT.upper(), f" {PARENT}", f"{PARENT}\n", f"{PARENT}-x", b"\xff",
        f"ff-{ID}-00f067aa0ba902b7-01", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{ID}-{'0' * 16}-01",
    ],
)  # fmt: skip
def test_a_malformed_traceparent_is_not_taken(value: str | bytes | None) -> None:
    assert parse_traceparent(value) is None


def test_a_request_id_is_taken_when_it_is_a_uuid_or_32_hex_digits() -> None:
    assert parse_request_id("4BF92F35-77b3-4da6-a3ce-929d0e0e4736") == ID
    assert parse_request_id(ID) == ID


@pytest.mark.parametrize("value", [None, "", "abc", "0" * 32, "-" * 36, ID + "0", "<script>", f"{ID[:8]}-{ID[8:]}"])
def test_any_other_request_id_is_not_taken(value: str | None) -> None:
    assert parse_request_id(value) is None


def test_an_id_that_is_not_one_starts_a_new_trace() -> None:
    assert bind_trace("forged\nline") == current_trace_id() != "forged\nline"


def test_a_scope_gives_the_former_trace_back() -> None:
    outer = new_trace()
    with trace_scope(ID) as inner:
        assert inner == current_trace_id() == ID
        with trace_scope() as fresh:
            assert fresh not in (ID, outer)
    assert current_trace_id() == outer


def test_it_travels_in_kafka_headers() -> None:
    bind_trace(ID)
    assert trace_from_kafka([("other", b"1"), *kafka_headers()]) == ID
    assert trace_from_kafka([("traceparent", None)]) is None
    assert trace_from_kafka([]) is None
    assert trace_from_kafka(None) is None


# --- HTTP -------------------------------------------------------------------------------------------------------------
def answer(request: HttpRequest) -> HttpResponse:
    return HttpResponse(current_trace_id() or "")


async def answer_later(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    return HttpResponse(current_trace_id() or "")


@pytest.mark.parametrize(
    "headers",
    [{"traceparent": PARENT}, {"X-Request-ID": ID}, {"traceparent": PARENT, "X-Request-ID": "ab" * 16}],
)
def test_a_request_continues_its_callers_trace(headers: dict[str, str]) -> None:
    response = TraceMiddleware(answer)(RequestFactory().get("/", headers=headers))
    assert (response.content.decode(), response["X-Trace-Id"]) == (ID, ID)  # type: ignore[union-attr,index]
    assert current_trace_id() is None, "the next request on this thread starts clean"


@pytest.mark.parametrize("headers", [{}, {"traceparent": "x", "X-Request-ID": "a\tb"}])
def test_a_request_without_a_usable_trace_starts_one(headers: dict[str, str]) -> None:
    response = TraceMiddleware(answer)(RequestFactory().get("/", headers=headers))
    assert re.fullmatch(r"[0-9a-f]{32}", response["X-Trace-Id"])  # type: ignore[index]


async def test_asynchronous_requests_keep_their_traces_apart() -> None:
    middleware = TraceMiddleware(answer_later)
    parents = [f"00-{number:032x}-00f067aa0ba902b7-01" for number in range(1, 20)]
    requests = [AsyncRequestFactory().get("/", headers={"traceparent": parent}) for parent in parents]
    responses = await asyncio.gather(*(middleware(request) for request in requests))  # type: ignore[arg-type]
    assert [response["X-Trace-Id"] for response in responses] == [f"{number:032x}" for number in range(1, 20)]
    assert all(response.content.decode() == response["X-Trace-Id"] for response in responses)  # type: ignore[attr-defined]


# --- Celery -----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def celery_app() -> Celery:
    app = Celery("trace_test", broker="memory://", backend="cache+memory://", set_as_current=False)
    connect_celery_trace()

    @app.task(name="which_trace")
    def which_trace() -> str | None:
        return current_trace_id()

    @app.task(name="celery.ping")
    def ping() -> str:
        return "pong"

    return app


def test_a_task_runs_in_the_trace_of_whoever_enqueued_it(celery_app: Celery) -> None:
    with start_worker(celery_app, perform_ping_check=False, pool="solo", loglevel="ERROR"):
        with trace_scope(ID):
            followed = celery_app.send_task("which_trace")
        with trace_scope():
            other = celery_app.send_task("which_trace")
        assert followed.get(timeout=20) == ID
        assert other.get(timeout=20) not in (ID, None)
    assert not trace._task_tokens


def test_an_eager_task_stays_in_its_callers_trace(celery_app: Celery) -> None:
    with trace_scope(ID):
        assert celery_app.tasks["which_trace"].apply().get() == ID
        assert current_trace_id() == ID
