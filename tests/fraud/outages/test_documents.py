"""The document store away, or its table locked: payments of the stream are decided, behaviour waits its turn."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from kafka import KafkaProducer

from apps.fraud.stream import work as stream_work
from apps.fraud.stream.relay import Relay
from apps.fraud.stream.work import BEHAVIOUR, DECIDING, RECORDS
from apps.payments.events import encode
from celery_worker import reader
from celery_worker import stream as streams
from celery_worker.stream import Stream
from kivendtout.lib.documents import document_store, factory
from kivendtout.lib.documents.mongo import MongoDocuments
from kivendtout.lib.kafka import ensure_topics
from tests.devservices.kafka_servers import Server, free_port
from tests.fraud.api.conftest import Shop
from tests.fraud.outages.conftest import nothing_is_half_written, rows
from tests.fraud.outages.servers import PostgresServer
from tests.ingestion.messages import behaviour_event, order_event, payment_event

pytestmark = [pytest.mark.xdist_group("outages")]


class Worker:
    """The loops of payments and orders by hand, that of behaviour in its thread, as in a worker."""

    def __init__(self, mark: str) -> None:
        self.stop, self.mark = threading.Event(), mark
        relay = Relay(self.stop)
        self.payments, self.records, self.behaviour = (
            Stream(self.stop, work, relay, group=f"{work.group}-{mark}", payments_group=f"{DECIDING.group}-{mark}")
            for work in (DECIDING, RECORDS, BEHAVIOUR)
        )
        self.payments.connect()
        self.records.connect()
        self.thread = threading.Thread(target=self.behaviour.run)
        self.thread.start()

    @property
    def behaviour_waits(self) -> bool:
        return "documents" in self.behaviour.health.waiting_for or "postgresql" in self.behaviour.health.waiting_for

    def until(self, done: Callable[[], Any], most: int = 240) -> None:
        for _turn in range(most):
            self.payments.turn()
            self.records.turn()
            if done():
                return
        raise AssertionError("it did not come true")

    def close(self) -> None:
        self.stop.set()
        self.payments.close()
        self.records.close()
        self.thread.join(30)
        assert not self.thread.is_alive()


@pytest.fixture
def worker(shop: Shop, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    broker = Server(tmp_path / "kafka")
    broker.start()
    settings.KAFKA_BOOTSTRAP_SERVERS = [broker.bootstrap]
    monkeypatch.setattr(reader, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(streams, "LONGEST_WAIT", 0.5)
    ensure_topics()
    worker = Worker(uuid.uuid4().hex[:8])
    yield worker
    worker.close()
    broker.stop()


@pytest.fixture
def send(shop: Shop, worker: Worker, settings: Any) -> Iterator[Callable[..., None]]:
    producer = KafkaProducer(bootstrap_servers=settings.KAFKA_BOOTSTRAP_SERVERS)

    def put(topic: str, *messages: Any) -> None:
        for message in messages:
            producer.send(topic, key=b"C1", value=encode(message), headers=[("tenant", shop.tenant.slug.encode())])
        producer.flush()

    yield put
    producer.close()


def pays(shop: Shop, *names: str) -> list[Any]:
    return [payment_event(payment_id=name, customer_id=shop.customer.external_id) for name in names]


def stored(shop: Shop, name: str) -> bool:
    return document_store().get("events", shop.tenant.pk, name) is not None


def test_payments_are_decided_while_mongodb_is_away_and_behaviour_is_stored_when_it_is_back(
    shop: Shop, worker: Worker, send: Callable[..., None], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = MongoDocuments(f"mongodb://127.0.0.1:{free_port()}/", selection_ms=100)
    monkeypatch.setattr(factory, "_mongo", lambda _uri, _pid: away)
    settings.MONGODB_URI = "mongodb://away"
    send("user-events", behaviour_event(event_id="E1"))
    send("payments", *pays(shop, "P1"))
    worker.until(lambda: rows(shop, "fraud_decision") == 1)
    send("user-events", behaviour_event(event_id="E2"))
    send("payments", *pays(shop, "P2", "P3"))
    worker.until(lambda: rows(shop, "fraud_decision") == 3)

    settings.MONGODB_URI = ""
    worker.until(lambda: stored(shop, "E1") and stored(shop, "E2"))
    away.close()
    assert rows(shop, "fraud_decision") == 3
    nothing_is_half_written(shop)


def test_payments_are_decided_while_the_table_of_documents_is_locked(
    shop: Shop, worker: Worker, send: Callable[..., None], postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_work, "DOCUMENT_SECONDS", 0.3)
    with postgres.connect() as other, other.transaction():
        other.execute("LOCK TABLE documents_events IN ACCESS EXCLUSIVE MODE")
        send("user-events", behaviour_event(event_id="E1"))
        worker.until(lambda: worker.behaviour_waits)
        send("payments", *pays(shop, "P1", "P2"))
        worker.until(lambda: rows(shop, "fraud_decision") == 2)
        waiting = other.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
        assert waiting is not None and waiting[0] == 0  # who gave up waits no more in the server either

    worker.until(lambda: stored(shop, "E1"))


def test_a_worker_that_ends_while_behaviour_waits_loses_none_of_it(
    shop: Shop, worker: Worker, send: Callable[..., None], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = MongoDocuments(f"mongodb://127.0.0.1:{free_port()}/", selection_ms=100)
    with monkeypatch.context() as patched:
        patched.setattr(factory, "_mongo", lambda _uri, _pid: away)
        settings.MONGODB_URI = "mongodb://away"
        send("user-events", behaviour_event(event_id="E1"))
        send("payments", *pays(shop, "P1"))
        worker.until(lambda: worker.behaviour_waits and rows(shop, "fraud_decision") == 1)
        worker.close()
    settings.MONGODB_URI = ""
    away.close()

    second = Worker(worker.mark)
    try:
        second.until(lambda: stored(shop, "E1"))
    finally:
        second.close()
    assert rows(shop, "fraud_decision") == 1


def test_a_store_that_fails_after_payments_were_recorded_repeats_them_harmlessly(
    shop: Shop, worker: Worker, send: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    record, fails = stream_work.orders_record, [1]

    def once(**given: Any) -> Any:
        if fails:
            fails.pop()
            raise OperationalError("the server closed the connection")
        return record(**given)

    monkeypatch.setattr(stream_work, "orders_record", once)
    monkeypatch.setattr(streams, "FIRST_WAIT", 0.05)
    send("payments", *pays(shop, "P1"))
    send("orders", order_event(customer_id=shop.customer.external_id, payment_id="P1"))
    worker.until(lambda: not fails and rows(shop, "payments_order") == 1)
    assert rows(shop, "fraud_decision") == 1
    nothing_is_half_written(shop)


def test_payments_wait_for_a_mongodb_that_hangs_no_longer_than_said(
    shop: Shop, worker: Worker, send: Callable[..., None], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_work, "DOCUMENT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        hanging = MongoDocuments(f"mongodb://127.0.0.1:{silent.getsockname()[1]}/", selection_ms=60_000)
        monkeypatch.setattr(factory, "_mongo", lambda _uri, _pid: hanging)
        settings.MONGODB_URI = "mongodb://hanging"
        began = time.monotonic()
        send("user-events", behaviour_event(event_id="E1"))
        worker.until(lambda: worker.behaviour_waits)
        send("payments", *pays(shop, "P1"))
        worker.until(lambda: rows(shop, "fraud_decision") == 1)
        assert time.monotonic() - began < 30  # the driver alone would have waited a minute
    hanging.close()
    settings.MONGODB_URI = ""

    worker.until(lambda: stored(shop, "E1"))
