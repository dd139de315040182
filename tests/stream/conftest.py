from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, KafkaProducer

from apps.compliance.models import Tenant
from apps.fraud.stream import batch as stream_batch
from apps.payments.events import Message, encode
from celery_worker import stream as streams
from celery_worker.stream import Stream
from tests.devservices.kafka_servers import Server
from tests.factories import make_customer

TRACEPARENT = "00-" + "c" * 32 + "-" + "d" * 16 + "-01"


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("stream") / "kafka").start()
    yield server
    server.stop()


@pytest.fixture
def topics(broker: Server, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Topics of this test's own, so that tests may share a broker; the stream knows them by their plain names."""
    suffix = f"-{uuid.uuid4().hex[:8]}"
    settings.KAFKA_BOOTSTRAP_SERVERS = [broker.bootstrap]
    settings.TOPICS = {f"{name}{suffix}": 2 for name in streams.KINDS} | {"decisions": 1, "fraud-alerts": 1}
    monkeypatch.setattr(stream_batch, "KINDS", {f"{name}{suffix}": kind for name, kind in streams.KINDS.items()})
    monkeypatch.setattr(streams, "PAYMENTS", f"payments{suffix}")
    return lambda name: f"{name}{suffix}"


@pytest.fixture
def send(topics: Callable[[str], str], broker: Server) -> Iterator[Callable[..., None]]:
    from kivendtout.lib.kafka import ensure_topics

    ensure_topics()
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)

    def put(topic: str, *messages: Message | bytes, tenant: str | None = "kivendtout") -> None:
        headers = [("traceparent", TRACEPARENT.encode())] + ([("tenant", tenant.encode())] if tenant else [])
        for message in messages:
            value = message if isinstance(message, bytes) else encode(message)
            producer.send(topics(topic), key=b"C1", value=value, headers=headers)
        producer.flush()

    yield put
    producer.close()


class Turns:
    """A stream that a test advances by hand."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def until(self, done: Callable[[], Any], *, turns: int = 60) -> None:
        for _turn in range(turns):
            self.stream.turn()
            if done():
                return
        raise AssertionError(f"not done after {turns} turns")


@pytest.fixture
def start(topics: Callable[[str], str], send: Any) -> Iterator[Callable[[], Turns]]:
    """Consumers of one group of this test's own, one after the other or together."""
    group, running = f"g-{uuid.uuid4().hex[:8]}", []

    def make() -> Turns:
        stream = Stream(threading.Event(), group=group, topics=tuple(topics(name) for name in streams.KINDS))
        stream._connect()
        running.append(stream)
        return Turns(stream)

    yield make
    for stream in running:
        stream._close()


@pytest.fixture
def read_topic(topics: Callable[[str], str], broker: Server) -> Callable[[str, int], list[Any]]:
    def read(topic: str, count: int) -> list[Any]:
        consumer = KafkaConsumer(
            topics(topic.removesuffix(".dlq")) + (".dlq" if topic.endswith(".dlq") else ""),
            bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=10_000,
        )  # fmt: skip
        found = []
        for record in consumer:
            found.append(record)
            if len(found) == count:
                break
        consumer.close()
        return found

    return read


@pytest.fixture
def customer(in_tenant: Tenant) -> Any:
    return make_customer(in_tenant, external_id="C1")


def as_json(value: bytes) -> dict[str, Any]:
    return msgspec.json.decode(value, type=dict[str, Any])


@pytest.fixture(autouse=True)
def tests_keep_their_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's rows live in a transaction that it takes back; the stream refreshes its connection before each batch."""
    monkeypatch.setattr(streams, "close_old_connections", lambda: None)
