"""Workers that come and go, orderly and not: what the group's protocol itself loses or repeats. No store takes part."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaProducer

from apps.fraud.stream.batch import Batch, Raw, Read
from apps.fraud.stream.relay import Relay
from apps.fraud.stream.work import Step, Work
from celery_worker import reader
from celery_worker.stream import Stream
from kivendtout.lib.kafka import ensure_topics
from tests.devservices.kafka_servers import ApacheServer, Server, why_no_apache

pytestmark = [pytest.mark.xdist_group("stream")]
MESSAGES = 3_000


@pytest.fixture(scope="module", params=["embedded", "apache"])
def group_broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if request.param == "apache" and (missing := why_no_apache()):
        pytest.skip(missing)
    kind = ApacheServer if request.param == "apache" else Server
    server = kind(tmp_path_factory.mktemp("group") / "kafka").start()
    yield server
    server.stop()


class Seen:
    """What every worker's steps were given, by place."""

    def __init__(self) -> None:
        self.places: Counter[str] = Counter()
        self.lock = threading.Lock()

    def work(self, topic: str) -> Work:
        def read(_batch: Batch, raws: Any) -> list[Read]:
            return [Read(raw, None) for raw in raws]

        def record(_batch: Batch, _tenant: int, reads: list[Read]) -> None:
            with self.lock:
                self.places.update(read.raw.place for read in reads)

        return Work("counted", f"g-{topic}", 50, (Step((topic,), read, record),))


class Worker:
    def __init__(self, work: Work) -> None:
        self.stop = threading.Event()
        self.stream = Stream(self.stop, work, Relay(self.stop))
        self.stream.tenants["t"] = 1
        self.thread = threading.Thread(target=self.stream.run)
        self.thread.start()

    def parts(self) -> set[Any]:
        return set(self.stream.reader.assigned) if self.stream.reader else set()

    def end(self) -> None:
        self.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


@pytest.fixture
def start(group_broker: Server, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Work], Worker]]:
    settings.KAFKA_BOOTSTRAP_SERVERS = [group_broker.bootstrap]
    settings.STREAM_SESSION_SECONDS = 6
    monkeypatch.setattr(reader, "POLL_SECONDS", 0.1)
    running: list[Worker] = []

    def begin(work: Work) -> Worker:
        running.append(Worker(work))
        return running[-1]

    yield begin
    for worker in running:
        worker.end()


@pytest.fixture
def topic(settings: Any) -> str:
    name = f"counted-{uuid.uuid4().hex[:8]}"
    settings.TOPICS = {name: 6}
    return name


def wait(done: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def send(broker: Server, topic: str, numbers: range) -> None:
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=5)
    for n in numbers:
        producer.send(topic, key=b"%d" % (n % 97), value=b"%d" % n, headers=[("tenant", b"t")])
        if n % 20 == 0:
            time.sleep(0.01)
    producer.flush()
    producer.close()


def test_workers_that_come_and_go_in_order_lose_and_repeat_nothing(
    group_broker: Server, start: Callable[[Work], Worker], topic: str
) -> None:
    ensure_topics()
    seen = Seen()
    work = seen.work(topic)
    sending = threading.Thread(target=send, args=(group_broker, topic, range(MESSAGES)))
    first = start(work)
    sending.start()
    wait(lambda: len(first.parts()) == 6 and sum(seen.places.values()) > MESSAGES // 10)
    second = start(work)
    wait(lambda: len(first.parts()) == len(second.parts()) == 3)
    third = start(work)
    wait(lambda: len(first.parts()) == len(second.parts()) == len(third.parts()) == 2)
    second.end()
    wait(lambda: len(first.parts() | third.parts()) == 6)
    sending.join()
    wait(lambda: sum(seen.places.values()) >= MESSAGES)
    time.sleep(1.0)  # for what should not come
    assert set(seen.places.values()) == {1}
    assert len(seen.places) == MESSAGES


def test_a_worker_that_joins_takes_from_nobody_what_may_stay(
    group_broker: Server, start: Callable[[Work], Worker], topic: str
) -> None:
    ensure_topics()
    work = Seen().work(topic)
    first = start(work)
    wait(lambda: len(first.parts()) == 6)
    lost: list[int] = []
    kept = first.parts()
    second = start(work)

    def settled() -> bool:
        lost.append(len(kept - first.parts()))
        return len(first.parts()) == len(second.parts()) == 3

    wait(settled)
    assert max(lost) == 3  # at no moment did it give up the three that it keeps
    assert first.parts() | second.parts() == kept and not first.parts() & second.parts()


def test_a_worker_that_vanishes_is_replaced_and_only_its_last_batches_come_again(
    group_broker: Server, start: Callable[[Work], Worker], topic: str
) -> None:
    ensure_topics()
    seen = Seen()
    work = seen.work(topic)
    first, second = start(work), start(work)
    wait(lambda: len(first.parts()) == len(second.parts()) == 3)
    vanished = _vanish(second)
    send(group_broker, topic, range(600))
    wait(lambda: len(seen.places) == 600)
    vanished.set()
    assert max(seen.places.values()) <= 2


def _vanish(worker: Worker) -> threading.Event:
    """Its thread stands still inside a batch for longer than its session, then comes back and tries to commit."""
    back, batch = threading.Event(), worker.stream._batch

    def stand_still(messages: list[Raw], tries: int = 0) -> Any:
        assert worker.stream.reader is not None
        worker.stream.reader.consumer.unsubscribe()  # librdkafka's own thread would go on saying that it lives
        back.wait(30)
        return batch(messages, tries)

    worker.stream._batch = stand_still  # type: ignore[method-assign]
    return back


def test_partitions_that_were_held_back_when_they_left_are_read_when_they_return(
    group_broker: Server, start: Callable[[Work], Worker], topic: str
) -> None:
    ensure_topics()
    seen = Seen()
    work = seen.work(topic)
    first = start(work)
    wait(lambda: len(first.parts()) == 6)
    reader = first.stream.reader
    assert reader is not None
    held = threading.Event()
    turn = first.stream.turn

    def hold_once() -> Any:
        if not held.is_set():
            for part in first.parts():
                reader.hold_back(part, 0, 3_600.0)
            held.set()
        return turn()

    first.stream.turn = hold_once  # type: ignore[method-assign]
    assert held.wait(30)
    second = start(work)
    wait(lambda: len(first.parts()) == len(second.parts()) == 3)
    second.end()
    wait(lambda: len(first.parts()) == 6)
    assert len(reader.waiting) == 3  # those that stayed
    send(group_broker, topic, range(600))
    wait(lambda: {int(place.split("[")[1].split("]")[0]) for place in seen.places} >= _returned(reader))


def _returned(found: Any) -> set[int]:
    return {number for _topic, number in found.assigned - found.waiting.keys()}
