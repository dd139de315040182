from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from kivendtout.lib import health


def test_healthz_answers_without_touching_anything(client: Client) -> None:
    assert client.get("/healthz").json() == {"alive": True}


def test_readyz_names_each_dependency(client: Client, db: None) -> None:
    body = client.get("/readyz").json()
    assert [one["name"] for one in body["dependencies"]] == ["postgresql", "redis", "kafka", "documents"]
    assert {one["name"]: one["needed"] for one in body["dependencies"]}["postgresql"] is True


def test_a_dead_redis_degrades_and_does_not_take_the_product_out(
    client: Client, db: None, settings: LazySettings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.KAFKA_BOOTSTRAP_SERVERS = ["127.0.0.1:1"]
    response = client.get("/readyz")
    assert response.status_code == 200
    assert {"redis", "kafka"} <= set(response.json()["degraded"])


def test_a_dead_postgresql_answers_503_and_leaks_no_address(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead() -> None:
        raise OSError("could not connect to 10.0.0.7 as kivendtout_app")

    monkeypatch.setitem(health.CHECKS, "postgresql", (dead, True))
    monkeypatch.setitem(health.CHECKS, "documents", (lambda: None, False))
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "10.0.0.7" not in response.content.decode()


def test_metrics_are_for_this_machine_or_for_whoever_knows_the_token(client: Client, settings: LazySettings) -> None:
    assert b"django_http" in client.get("/metrics").content
    for elsewhere in ({"REMOTE_ADDR": "203.0.113.9"}, {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}):
        assert client.get("/metrics", **elsewhere).status_code == 403
        settings.METRICS_TOKEN = "a-long-token"
        allowed: dict[str, Any] = {**elsewhere, "HTTP_AUTHORIZATION": "Bearer a-long-token"}
        assert client.get("/metrics", **allowed).status_code == 200
        assert client.get("/metrics", **(elsewhere | {"HTTP_AUTHORIZATION": "Bearer no"})).status_code == 403
        settings.METRICS_TOKEN = None


def test_each_answer_carries_its_trace_id(client: Client) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    response = client.get("/healthz", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert response.headers["X-Trace-Id"] == trace
    assert len(client.get("/healthz").headers["X-Trace-Id"]) == 32


def test_an_unknown_api_path_answers_problem_json_and_an_unknown_page_a_page(client: Client, db: None) -> None:
    machine = client.get("/api/v1/nothing")
    assert machine.status_code == 404
    assert machine.headers["Content-Type"] == "application/problem+json"
    assert machine.json()["code"] == "not_found"
    assert machine.json()["trace_id"] == machine.headers["X-Trace-Id"]
    human = client.get("/nothing")
    assert human.status_code == 404
    assert human.headers["Content-Type"].startswith("text/html")
