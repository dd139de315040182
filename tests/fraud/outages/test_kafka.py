"""Kafka away, and away between a message and its acknowledgement: decisions wait in the outbox and go out."""

from __future__ import annotations

import json
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer

from apps.fraud.stream.publish import DELIVERY, Published, producer_leave
from celery_worker import stream as streams
from celery_worker.stream import Stream
from kivendtout.lib.kafka import KafkaUnavailable, ensure_topics, make_producer
from tests.devservices.kafka_servers import Server
from tests.fraud.api.conftest import Shop
from tests.fraud.outages.conftest import Score, rows

pytestmark = [pytest.mark.usefixtures("patient"), pytest.mark.xdist_group("outages")]
TRACE = "c" * 32


@pytest.fixture
def broker(tmp_path: Path, settings: Any) -> Iterator[Server]:
    server = Server(tmp_path / "kafka")
    settings.KAFKA_BOOTSTRAP_SERVERS = [server.bootstrap]
    yield server
    server.stop()


@pytest.fixture
def publisher(broker: Server) -> Iterator[Stream]:
    """The stream's publishing step alone; `publish` is one try."""
    broker.start()
    ensure_topics()
    stream = Stream(threading.Event())
    stream.producer = make_producer(**DELIVERY)
    yield stream
    if stream.producer is not None:
        producer_leave(stream.producer)


def publish(stream: Stream) -> None:
    stream.publish_at = 0.0
    try:
        if stream.producer is None:
            stream.producer = make_producer(**DELIVERY)
        stream._publish()
    except KafkaUnavailable:  # as the stream's own loop does then
        time.sleep(0.2)


def publish_all(stream: Stream, shop: Shop) -> None:
    deadline = time.monotonic() + 60
    while rows(shop, "fraud_outbox"):
        assert time.monotonic() < deadline, "decisions stay in the outbox"
        publish(stream)


def told(broker: Server, shop: Shop, count: int, *, linger: float = 0.0) -> list[Any]:
    """The shop's decisions in the topic: waits for `count`, and then a moment for what should not be there."""
    consumer = KafkaConsumer("decisions", bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    found: list[Any] = []
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=300).values():
            found += [record for record in records if ("tenant", shop.tenant.slug.encode()) in record.headers]
        if len(found) >= count:
            deadline = min(deadline, time.monotonic() + linger)
    consumer.close()
    return found


def paid(shop: Shop, score: Score, count: int) -> set[str]:
    """Decision ids, each told in a row of its own."""
    headers = {"traceparent": f"00-{TRACE}-{'d' * 16}-01"}
    answers = [score(shop, shop.payment(), **headers) for _n in range(count)]
    assert {answer.status_code for answer in answers} == {200}
    return {answer.json()["decision_id"] for answer in answers}


def ids(records: list[Any]) -> Counter[str]:
    return Counter(json.loads(record.value)["decision_id"] for record in records)


def test_decisions_wait_for_kafka_and_go_out_once_each_with_their_trace(
    shop: Shop, score: Score, broker: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = paid(shop, score, 5)
    assert rows(shop, "fraud_outbox", "topic = 'decisions'") == 5
    broker.start()
    stream = Stream(threading.Event(), group=f"g-{uuid.uuid4().hex[:8]}")
    stream._connect()
    try:
        for _turn in range(40):
            stream.turn()
            if not rows(shop, "fraud_outbox"):
                break
    finally:
        stream._close()

    records = told(broker, shop, 5, linger=1.0)
    assert ids(records) == Counter(wanted)
    assert {dict(record.headers)["traceparent"].split(b"-")[1] for record in records} == {TRACE.encode()}
    assert rows(shop, "fraud_outbox") == 0


def test_what_was_tried_while_the_broker_was_away_goes_out_once_when_it_is_back(
    shop: Shop, score: Score, publisher: Stream, broker: Server
) -> None:
    first = paid(shop, score, 1)
    publish_all(publisher, shop)
    broker.stop(signal.SIGKILL)
    wanted = paid(shop, score, 3)
    for _try in range(2):
        publish(publisher)
    assert rows(shop, "fraud_outbox", "topic = 'decisions'") == 3
    broker.start()

    publish_all(publisher, shop)
    assert ids(told(broker, shop, 4, linger=3.0)) == Counter(first | wanted)


def test_a_broker_that_dies_before_it_acknowledges_leaves_the_row(
    shop: Shop, score: Score, publisher: Stream, broker: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = paid(shop, score, 1)
    publish_all(publisher, shop)
    wanted = paid(shop, score, 1)
    assert publisher.producer is not None
    send = publisher.producer.send

    def fall_silent(*given: Any, **named: Any) -> Any:
        assert broker.process is not None
        broker.process.send_signal(signal.SIGSTOP)  # it takes the bytes and says nothing any more
        return send(*given, **named)

    monkeypatch.setattr(publisher.producer, "send", fall_silent)
    publish(publisher)
    assert rows(shop, "fraud_outbox", "topic = 'decisions'") == 1
    broker.stop(signal.SIGKILL)
    broker.start()

    publish_all(publisher, shop)
    assert ids(told(broker, shop, 2)) == Counter(first | wanted)


def test_a_kafka_that_refuses_decisions_is_left_alone_while_payments_are_decided(
    shop: Shop, broker: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def refuse(_producer: Any) -> Published:
        asked.append(1)
        return Published(0, True)

    monkeypatch.setattr(streams, "outbox_publish", refuse)
    stream = Stream(threading.Event())
    stream.producer = object()
    monkeypatch.setattr(streams, "producer_leave", lambda _producer: None)
    monkeypatch.setattr(streams, "make_producer", lambda **_options: object())
    for _turn in range(10):
        stream._publish()
    assert len(asked) == 1
