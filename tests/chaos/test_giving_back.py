"""A worker survives the loss of Redis while it holds a job."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kombu import Connection, Queue
from kombu.transport.redis import Channel, QoS

from celery_worker.app import add_stream
from tests.fraud.outages.servers import RedisServer


@pytest.fixture
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.kill()


def lose(server: RedisServer) -> Connection:
    """A connection with a job in hand and without its server, as Celery leaves it before it closes it."""
    connection = Connection(server.url)
    queue = Queue("jobs", channel=connection.default_channel)
    connection.Producer().publish({"job": 1}, routing_key="jobs", declare=[queue])
    assert queue.get(no_ack=False) is not None
    server.kill()
    connection.transport.client = None
    return connection


def test_closing_a_lost_connection_ends_nothing(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Channel, "QoS", QoS)  # put back as it was, afterwards
    add_stream()

    lose(server).close()


def test_without_it_a_worker_would_end(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """When this fails, kombu does it by itself, and `giving_back` can go."""
    monkeypatch.setattr(Channel, "QoS", QoS)

    with pytest.raises(AttributeError):
        lose(server).close()
