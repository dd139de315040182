"""What a stream worker tells a scraper and a supervisor, asked over HTTP as they ask it."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from celery_worker.metrics_server import PORTS, MetricsServer, serve_metrics
from kivendtout.lib import stream_metrics
from kivendtout.lib.stream_health import STUCK_SECONDS, StreamHealth

Ask = Callable[..., tuple[int, dict[str, str], bytes]]


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> StreamHealth:
    return StreamHealth(clock=clock)


@pytest.fixture
def server(health: StreamHealth) -> Iterator[MetricsServer]:
    server = MetricsServer({"payments": health}, host="127.0.0.1", port=0, token="a-long-token")
    yield server
    server.stop()


@pytest.fixture
def ask(server: MetricsServer) -> Ask:
    def get(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=sent)
        answer = connection.getresponse()
        found = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return found

    return get


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"kivendtout_stream_{name}", labels)


# --- health -----------------------------------------------------------------------------------------------------------
def test_a_loop_that_turns_is_alive_and_says_what_it_reads(health: StreamHealth, ask: Ask) -> None:
    health.turned(partitions=4)
    status, _headers, body = ask("/healthz")
    assert status == 200
    told = {"state": "consuming", "waiting_for": [], "partitions": 4, "last_turn_seconds": 0.0}
    assert json.loads(body) == {**told, "loops": {"payments": told}}


def test_a_loop_that_waits_is_alive_and_says_for_what(health: StreamHealth, ask: Ask) -> None:
    health.waits("postgresql")
    health.waits("kafka")
    status, _headers, body = ask("/healthz")
    assert status == 200
    assert json.loads(body)["state"] == "waiting"
    assert json.loads(body)["waiting_for"] == ["kafka", "postgresql"]
    health.goes_on("kafka")
    health.goes_on("postgresql")
    assert json.loads(ask("/healthz")[2])["state"] == "consuming"


def test_a_loop_that_hangs_is_not_alive_even_where_it_said_that_it_waits(
    health: StreamHealth, clock: Clock, ask: Ask
) -> None:
    health.waits("redis")
    clock.now += STUCK_SECONDS - 1
    assert ask("/healthz")[0] == 200
    clock.now += 1
    status, _headers, body = ask("/healthz")
    assert status == 503
    assert json.loads(body)["last_turn_seconds"] == STUCK_SECONDS
    health.turned()
    assert ask("/healthz")[0] == 200


def test_a_stopped_loop_is_not_alive(health: StreamHealth, ask: Ask) -> None:
    health.turned(partitions=3)
    health.stopped()
    status, _headers, body = ask("/healthz")
    assert status == 503
    assert json.loads(body)["state"] == "stopped"
    assert json.loads(body)["partitions"] == 0


def test_a_worker_is_what_the_worst_of_its_loops_is(health: StreamHealth, clock: Clock) -> None:
    other = StreamHealth(clock=clock)
    health.turned(partitions=6)
    other.turned(partitions=9)
    other.waits("documents")
    server = MetricsServer({"payments": health, "behaviour": other}, host="127.0.0.1", port=0, token=None)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)

    def asked() -> tuple[int, dict[str, Any]]:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    status, told = asked()
    assert (status, told["state"], told["waiting_for"], told["partitions"]) == (200, "waiting", ["documents"], 15)
    assert told["loops"]["payments"]["state"] == "consuming"
    clock.now += STUCK_SECONDS
    health.turned()
    assert asked()[0] == 503
    server.stop()


# --- metrics ----------------------------------------------------------------------------------------------------------
def test_a_scraper_reads_what_the_loop_counted(ask: Ask) -> None:
    stream_metrics.in_loop("payments")
    with stream_metrics.batch_seconds("store"):
        pass
    stream_metrics.messages("orders", "waiting", 3)
    status, headers, body = ask("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert b'kivendtout_stream_step_seconds_count{loop="payments",step="store"}' in body
    assert b'kivendtout_stream_messages_total{loop="payments",result="waiting",topic="orders"}' in body


def test_it_shows_for_how_long_the_loop_has_not_turned(health: StreamHealth, clock: Clock, ask: Ask) -> None:
    health.turned()
    clock.now += 12
    assert b'kivendtout_stream_last_turn_seconds{loop="payments"} 12.0' in ask("/metrics")[2]


def test_a_request_that_came_through_a_proxy_needs_the_token(ask: Ask) -> None:
    status, headers, body = ask("/metrics", X_Forwarded_For="203.0.113.7")
    assert status == 403
    assert headers["Content-Type"] == "application/problem+json"
    assert b"METRICS_TOKEN" in body
    assert b"a-long-token" not in body
    assert ask("/metrics", X_Forwarded_For="203.0.113.7", Authorization="Bearer wrong")[0] == 403
    assert ask("/metrics", X_Forwarded_For="203.0.113.7", Authorization="Bearer a-long-token")[0] == 200


def test_without_a_token_no_bearer_will_do(health: StreamHealth) -> None:
    server = MetricsServer({"payments": health}, host="127.0.0.1", port=0, token=None)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", "/metrics", headers={"X-Forwarded-For": "203.0.113.7", "Authorization": "Bearer None"})
    assert connection.getresponse().status == 403
    connection.close()
    server.stop()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/metrics/../etc/passwd", 404), ("HEAD", "/healthz", 200), ("POST", "/metrics", 501)],
)
def test_nothing_else_is_served(ask: Ask, method: str, path: str, status: int) -> None:
    assert ask(path, method)[0] == status


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00", b"GET /metrics HTTP/9.9\r\n\r\n", b"\x00" * 70_000, b""])
def test_bytes_that_are_no_request_leave_it_serving(server: MetricsServer, ask: Ask, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(sent)
    assert ask("/healthz")[0] == 200


# --- ports ------------------------------------------------------------------------------------------------------------
def test_a_second_worker_of_the_machine_takes_the_next_port(
    server: MetricsServer, health: StreamHealth, settings: Any
) -> None:
    settings.STREAM_METRICS_PORT = server.port
    second = serve_metrics({"payments": health})
    assert second is not None
    assert server.port < second.port < server.port + PORTS
    second.stop()


@pytest.mark.parametrize(("host", "port"), [("203.0.113.9", 9_464), ("127.0.0.1", 99_999), ("no such host", 9_464)])
def test_a_place_where_nobody_can_listen_does_not_stop_the_worker(
    health: StreamHealth, settings: Any, host: str, port: int
) -> None:
    settings.STREAM_METRICS_HOST, settings.STREAM_METRICS_PORT = host, port
    assert serve_metrics({"payments": health}) is None


def test_no_port_no_server(health: StreamHealth, settings: Any) -> None:
    settings.STREAM_METRICS_PORT = 0
    assert serve_metrics({"payments": health}) is None


# --- counting ---------------------------------------------------------------------------------------------------------
def lag_of(loop: str, partition: int) -> float | None:
    return value("lag_messages", loop=loop, topic="cart-events", partition=str(partition))


def test_what_another_worker_reads_now_is_no_lag_of_ours() -> None:
    stream_metrics.in_loop("payments")
    stream_metrics.lag("cart-events", 0, 7)
    stream_metrics.lag("cart-events", 1, 9)
    stream_metrics.assigned([("cart-events", 1)])
    assert (lag_of("payments", 0), lag_of("payments", 1)) == (None, 9)
    assert value("assigned_partitions", loop="payments") == 1
    stream_metrics.lag("cart-events", 0, 2)
    assert lag_of("payments", 0) == 2


def test_two_loops_that_read_the_same_topic_count_apart() -> None:
    stream_metrics.in_loop("payments")
    stream_metrics.lag("cart-events", 0, 7)
    stream_metrics.paused("kafka", True)

    def other() -> None:
        stream_metrics.in_loop("behaviour")
        stream_metrics.lag("cart-events", 0, 40)
        stream_metrics.paused("kafka", False)
        stream_metrics.assigned([("cart-events", 0)])

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert (lag_of("payments", 0), lag_of("behaviour", 0)) == (7, 40)
    assert value("paused", loop="payments", dependency="kafka") == 1
    assert value("paused", loop="behaviour", dependency="kafka") == 0


def test_a_lane_that_was_emptied_shows_nothing_waiting() -> None:
    stream_metrics.outbox_waiting({"decisions": (12, 40.0)})
    assert value("outbox_waiting", lane="decisions") == 12
    stream_metrics.outbox_waiting({})
    assert value("outbox_waiting", lane="decisions") == 0
    assert value("outbox_oldest_seconds", lane="decisions") == 0


def test_a_thousand_webhooks_are_one_lane_to_a_scraper() -> None:
    stream_metrics.outbox_waiting({"webhook:1": (1, 5.0), "webhook:2": (2, 9.0)})
    assert value("outbox_waiting", lane="webhook") == 3
    assert value("outbox_oldest_seconds", lane="webhook") == 9.0
    assert value("outbox_waiting", lane="webhook:1") is None


def test_a_step_that_fails_is_counted_with_the_time_it_took() -> None:
    stream_metrics.in_loop("payments")
    before = value("step_seconds_count", loop="payments", step="commit") or 0
    with pytest.raises(ValueError, match="away"), stream_metrics.batch_seconds("commit"):
        raise ValueError("away")
    assert value("step_seconds_count", loop="payments", step="commit") == before + 1


def test_a_message_from_a_clock_ahead_of_ours_is_not_younger_than_now() -> None:
    stream_metrics.in_loop("payments")
    before = value("message_age_seconds_sum", loop="payments", topic="labels") or 0
    stream_metrics.message_age("labels", -30.0)
    assert value("message_age_seconds_sum", loop="payments", topic="labels") == before


# --- what people lean on ----------------------------------------------------------------------------------------------
ROOT = Path(__file__).resolve().parents[2]
# What Prometheus makes of a counter and a histogram.
SUFFIXES = ("", "_total", "_bucket", "_count", "_sum")


def counted() -> set[str]:
    names = {one.name for one in REGISTRY.collect() if one.name.startswith(stream_metrics.PREFIX)}
    return {f"{name}{suffix}" for name in names for suffix in SUFFIXES}


def test_the_alert_rules_ask_for_metrics_that_there_are() -> None:
    rules = (ROOT / "deploy/prometheus/stream.rules.yml").read_text()
    asked = set(re.findall(rf"{stream_metrics.PREFIX}\w+", rules))
    assert len(asked) > 5
    assert asked <= counted()


def test_the_guide_explains_every_metric_with_its_labels() -> None:
    guide = (ROOT / "docs/stream-operations.md").read_text()
    explained = {name: set(labels.split(",")) for name, labels in re.findall(r"`(\w+)\{([\w,]+)\}`", guide)}
    collectors = {one for one in vars(stream_metrics).values() if isinstance(one, Counter | Gauge | Histogram)}
    there = {}
    for one in collectors:
        [described] = one.describe()
        name = described.name.removeprefix(stream_metrics.PREFIX) + ("_total" if isinstance(one, Counter) else "")
        there[name] = set(one._labelnames)
    assert explained == there
