"""Kafka away, and away between a message and its acknowledgement: decisions wait in the outbox and go out."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer

from apps.fraud.models import Outbox, OutboxLane
from apps.fraud.services.decisions_store import pack_row
from apps.fraud.stream import relay as relays
from apps.fraud.stream.outgoing import Delivery, Row
from apps.fraud.stream.relay import Relay
from kivendtout.lib.clock import now
from kivendtout.lib.kafka import ensure_topics
from kivendtout.lib.tenancy import tenant_scope
from tests.devservices.kafka_servers import Server
from tests.fraud.api.conftest import Shop
from tests.fraud.outages.conftest import Score, rows, together

pytestmark = [pytest.mark.usefixtures("patient"), pytest.mark.xdist_group("outages")]
TRACE = "c" * 32


@pytest.fixture
def broker(tmp_path: Path, settings: Any) -> Iterator[Server]:
    server = Server(tmp_path / "kafka")
    settings.KAFKA_BOOTSTRAP_SERVERS = [server.bootstrap]
    yield server
    server.stop()


@pytest.fixture
def publisher(broker: Server) -> Iterator[Relay]:
    """`publish` is one try."""
    broker.start()
    ensure_topics()
    relay = Relay(threading.Event())
    yield relay
    relay.close()


def publish(relay: Relay) -> None:
    OutboxLane.objects.update(next_try_at=None)  # whoever waits for it here would wait for its pause as well
    relay.turn()


def publish_all(relay: Relay, shop: Shop) -> None:
    deadline = time.monotonic() + 60
    while rows(shop, "fraud_outbox"):
        assert time.monotonic() < deadline, "decisions stay in the outbox"
        publish(relay)


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
    ensure_topics()
    relay = Relay(threading.Event())
    publish_all(relay, shop)
    relay.close()

    records = told(broker, shop, 5, linger=1.0)
    assert ids(records) == Counter(wanted)
    assert {dict(record.headers)["traceparent"].split(b"-")[1] for record in records} == {TRACE.encode()}
    assert rows(shop, "fraud_outbox") == 0


def test_what_was_tried_while_the_broker_was_away_goes_out_once_when_it_is_back(
    shop: Shop, score: Score, publisher: Relay, broker: Server
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
    shop: Shop, score: Score, publisher: Relay, broker: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = paid(shop, score, 1)
    publish_all(publisher, shop)
    wanted = paid(shop, score, 1)
    send = Delivery.send

    def fall_silent(*given: Any, **named: Any) -> Any:
        assert broker.process is not None
        broker.process.send_signal(signal.SIGSTOP)  # it takes the bytes and says nothing any more
        return send(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Delivery, "send", fall_silent)
        publish(publisher)
    assert rows(shop, "fraud_outbox", "topic = 'decisions'") == 1
    broker.stop(signal.SIGKILL)
    broker.start()

    publish_all(publisher, shop)
    assert ids(told(broker, shop, 2)) == Counter(first | wanted)


def test_a_kafka_that_is_away_is_left_alone_with_growing_pauses_and_the_lane_says_so(
    shop: Shop, score: Score, publisher: Relay, broker: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "ACK_SECONDS", 0.3)
    broker.stop(signal.SIGKILL)
    paid(shop, score, 1)
    publisher.turn()
    first = lane()
    assert first.attempts == 1 and first.failed_since is not None and first.last_error
    publisher.turn()  # within its pause: not asked
    assert lane().attempts == 1
    OutboxLane.objects.update(next_try_at=None)
    publisher.turn()
    second = lane()
    assert second.attempts == 2 and second.failed_since == first.failed_since
    assert second.next_try_at - now() > first.next_try_at - first.failed_since - timedelta(seconds=0.5)

    broker.start()
    publish_all(publisher, shop)
    healed = lane()
    assert (healed.attempts, healed.failed_since, healed.next_try_at, healed.last_error) == (0, None, None, "")


def lane(topic: str = "decisions") -> Any:
    return OutboxLane.objects.get(topic=topic)


def test_two_relays_at_once_publish_what_was_told_of_one_key_once_and_in_order(
    shop: Shop, publisher: Relay, broker: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "ROWS", 3)
    for n in range(60):
        message = ("C1", json.dumps({"decision_id": f"dec_{n}", "n": n}).encode(), "")
        with tenant_scope(shop.tenant.pk):
            Outbox.objects.create(tenant=shop.tenant, topic="decisions", messages=pack_row([message]), created_at=now())
    publisher.turn()

    def publish_until_empty(_n: int) -> None:
        relay = Relay(threading.Event())
        while rows(shop, "fraud_outbox"):
            relay.turn()
        relay.close()

    together(publish_until_empty, [1, 2, 3], workers=3)
    order = [json.loads(record.value)["n"] for record in told(broker, shop, 60, linger=1.0)]
    assert order == list(range(60))


def test_a_row_behind_one_that_was_not_acknowledged_does_not_overtake_it(
    shop: Shop, publisher: Relay, broker: Server
) -> None:
    first, second = Row(1, shop.tenant.pk, pack_row([("C1", b"1", "")])), Row(2, shop.tenant.pk, pack_row([]))
    delivery = Delivery([first, second])
    assert second.left == 0
    assert delivery.acknowledged() == []
    delivery._answered(first, None, None)
    assert delivery.acknowledged() == [first, second]
