from __future__ import annotations

import dataclasses
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, KafkaProducer

from apps.compliance.models import Tenant
from apps.fraud.stream import work as stream_work
from apps.fraud.stream.batch import BatchResult
from apps.fraud.stream.relay import Relay
from apps.fraud.stream.work import DECIDING, WORKS, Work
from apps.payments.events import Message, encode
from celery_worker import reader
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
    """Topics of this test's own, so that tests may share a broker."""
    suffix = f"-{uuid.uuid4().hex[:8]}"
    settings.KAFKA_BOOTSTRAP_SERVERS = [broker.bootstrap]
    read = {topic for work in WORKS for topic in work.topics}
    settings.TOPICS = {f"{name}{suffix}": 2 for name in read} | {"decisions": 1, "fraud-alerts": 1}
    monkeypatch.setattr(stream_work, "PAYMENTS", f"payments{suffix}")
    monkeypatch.setattr(streams, "PAYMENTS", f"payments{suffix}")
    return lambda name: f"{name}{suffix}"


def renamed(work: Work, name: Callable[[str], str]) -> Work:
    steps = [dataclasses.replace(step, topics=tuple(map(name, step.topics))) for step in work.steps]
    return dataclasses.replace(
        work, steps=tuple(steps), only_listens=tuple(map(name, work.only_listens)), group=f"{work.group}{name('')}"
    )


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
    """A worker that a test advances by hand: its loops one after the other, payments first, then the relay."""

    def __init__(self, loops: list[Stream], relay: Relay) -> None:
        self.loops, self.relay = loops, relay
        self.stream, self.records = loops[:2]

    def turn(self) -> BatchResult | None:
        result, *_others = [loop.turn() for loop in self.loops]
        self.relay.turn()
        self.relay.teller.turn()
        return result

    def until(self, done: Callable[[], Any], *, turns: int = 60) -> None:
        for _turn in range(turns):
            self.turn()
            if done():
                return
        raise AssertionError(f"not done after {turns} turns")

    def close(self) -> None:
        for loop in self.loops:
            loop.close()
        self.relay._drop()


@pytest.fixture
def start(topics: Callable[[str], str], send: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Turns]]:
    """Workers of groups of this test's own, one after the other or together."""
    monkeypatch.setattr(reader, "POLL_SECONDS", 0.1)
    running: list[Turns] = []
    group = renamed(DECIDING, topics).group

    def make() -> Turns:
        stop = threading.Event()
        relay = Relay(stop)
        loops = [Stream(stop, renamed(work, topics), relay, payments_group=group) for work in WORKS]
        for loop in loops:
            loop.connect()
        running.append(Turns(loops, relay))
        return running[-1]

    yield make
    for turns in running:
        turns.close()


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
