from __future__ import annotations

import json
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from django.db import OperationalError

from apps.compliance.models import Tenant
from apps.fraud.events.label import LabelEvent
from apps.fraud.models import FraudLabel
from apps.fraud.stream import pages
from apps.fraud.stream import work as stream_work
from apps.fraud.stream.relay import Relay
from apps.payments.models import Order, Payment, PaymentStateChange
from celery_worker import reader
from celery_worker import stream as streams
from celery_worker.component import StreamStep
from kivendtout.lib.clock import now
from kivendtout.lib.documents import document_store
from kivendtout.lib.kafka_native import committed_of
from kivendtout.lib.tenancy import across_tenants
from tests.factories import make_customer
from tests.ingestion.messages import behaviour_event, order_event, payment_event
from tests.stream.conftest import Turns

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("stream")]
Start = Callable[[], Turns]


def statuses() -> dict[str, str]:
    return dict(Payment.objects.values_list("reference__external_id", "status_id"))


def test_messages_become_payments_orders_and_documents(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[int] = []
    monkeypatch.setattr(pages, "push_payments", lambda *, tenant_id, ids: pushed.extend(ids))
    send("payments", payment_event(), payment_event(event="payment_success"))
    send("orders", order_event(payment_id="PAY1"))
    send("user-events", behaviour_event(cart_value="12.50", ip_hash="ab"))
    send("cart-events", behaviour_event(event_id="E2", type="add_to_cart"))

    start().until(lambda: Order.objects.exists() and document_store().get("events", in_tenant.pk, "E2"))

    payment = Payment.objects.get()
    assert (payment.status_id, payment.recorded_by) == ("success", "stream")
    assert PaymentStateChange.objects.get().trace_id == "c" * 32
    assert Order.objects.get().payment_id == payment.pk
    assert set(pushed) == {payment.pk}
    document = document_store().get("events", in_tenant.pk, "E1")
    assert document is not None
    assert (document["type"], document["cart_value"], document["customer_id"]) == ("page_view", "12.50", "C1")
    assert document["ip_hash"] != "ab"


def test_results_may_come_before_their_attempts(in_tenant: Tenant, customer: Any, send: Any, start: Start) -> None:
    send("payments", payment_event(event="payment_failed"), payment_event(payment_id="PAY2"))
    turns = start()
    turns.until(lambda: len(statuses()) == 2)
    send("payments", payment_event(), payment_event(payment_id="PAY2", event="payment_success"))

    turns.until(lambda: statuses() == {"PAY1": "failed", "PAY2": "success"})


def test_a_poison_message_goes_aside_and_blocks_nobody(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, read_topic: Any
) -> None:
    send("payments", b"not json", payment_event(payment_id="UNKNOWN", customer_id="C9"), payment_event())

    start().until(lambda: statuses() == {"PAY1": "pending"})

    dead = {record.value: dict(record.headers) for record in read_topic("payments.dlq", 2)}
    junk = dead.pop(b"not json")
    assert junk["reason"] == b"The message is not JSON in UTF-8. Send one JSON object a message."
    assert junk["source"].decode().startswith("payments-") and b"]@" in junk["source"]
    assert junk["traceparent"].split(b"-")[1] == b"c" * 32
    [(value, headers)] = dead.items()
    assert json.loads(value)["payment_id"] == "UNKNOWN" and headers["tenant"] == b"kivendtout"
    assert headers["reason"] == b"customer_id C9 is not a known customer. Load the customer first."


def test_a_dead_letter_holds_no_card_number(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, read_topic: Any
) -> None:
    send("payments", b'{"payment_id": "4111 1111 1111 1111", "customer_id": "C1"}', payment_event())

    start().until(lambda: statuses() == {"PAY1": "pending"})

    [dead] = read_topic("payments.dlq", 1)
    assert b"1111" not in dead.value and b"card number removed" in dead.value
    assert all(b"1111" not in value for _name, value in dead.headers)


def test_a_message_that_only_the_database_refuses_goes_aside_alone(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, read_topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = stream_work.payments_decide

    def refuse(**given: Any) -> Any:
        if any(event.payment_id == "POISON" for event in given["events"]):
            raise ValueError("what no check foresaw")
        return recorded(**given)

    monkeypatch.setattr(stream_work, "payments_decide", refuse)
    events = [payment_event(payment_id=name) for name in ("PAY1", "POISON", "PAY2")]
    send("payments", *events)

    start().until(lambda: statuses().keys() == {"PAY1", "PAY2"})

    [dead] = read_topic("payments.dlq", 1)
    assert dict(dead.headers)["reason"] == b"It cannot be stored: ValueError."


@pytest.mark.parametrize(
    ("slug", "said"),
    [
        (None, b"The message names no tenant."),
        ("nobody", b"There is no tenant 'nobody'."),
        ("a\0b", b"The header 'tenant' holds no tenant's slug."),
        ("x" * 51, b"The header 'tenant' holds no tenant's slug."),
    ],
)
def test_a_message_of_no_tenant_goes_aside(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, read_topic: Any, slug: str | None, said: bytes
) -> None:
    send("payments", payment_event(payment_id="LOST"), tenant=slug)
    send("payments", payment_event())

    start().until(lambda: statuses() == {"PAY1": "pending"})

    [dead] = read_topic("payments.dlq", 1)
    assert dict(dead.headers)["reason"].startswith(said)


def test_each_tenant_gets_its_own(in_tenant: Tenant, neighbour: Tenant, customer: Any, send: Any, start: Start) -> None:
    make_customer(neighbour, external_id="C1")
    send("payments", payment_event(), tenant=neighbour.slug)

    def arrived() -> bool:
        with across_tenants():
            return Payment.objects.exists()

    start().until(arrived)

    with across_tenants():
        assert Payment.objects.get().tenant_id == neighbour.pk


def test_a_consumer_killed_before_its_commit_repeats_nothing(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    events = [payment_event(payment_id=f"PAY{n}") for n in range(20)]
    send("payments", *events, *[payment_event(payment_id=f"PAY{n}", event="payment_success") for n in range(10)])
    first = start()
    with monkeypatch.context() as patched:
        patched.setattr(first.stream, "_commit", die)
        with pytest.raises(Killed):
            first.until(lambda: False)
    assert Payment.objects.exists()
    first.close()
    before = Payment.objects.count(), PaymentStateChange.objects.count()
    results = []

    second = start()
    for _turn in range(40):
        results.append(second.turn())
        if len(statuses()) == 20 and sum(one.recorded + one.repeated for one in results if one) >= 30:
            break

    assert list(statuses().values()).count("success") == 10
    assert (Payment.objects.count(), PaymentStateChange.objects.count()) == (20, 10)
    assert sum(one.recorded for one in results if one) == 30 - sum(before)


def test_offsets_do_not_move_while_postgresql_is_away_and_nothing_is_lost(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded, calls = stream_work.payments_decide, []

    def away_twice(**given: Any) -> Any:
        calls.append(1)
        if len(calls) <= 2:
            raise OperationalError("the server closed the connection")
        return recorded(**given)

    monkeypatch.setattr(stream_work, "payments_decide", away_twice)
    monkeypatch.setattr(streams, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(streams.connection, "close", lambda: None)  # the test's own transaction lives in it
    send("payments", payment_event())
    turns = start()
    moved: list[int] = []
    monkeypatch.setattr(reader.Reader, "hold_all", lambda *_: moved.append(committed(turns)))

    turns.until(lambda: statuses() == {"PAY1": "pending"})

    assert len(calls) == 3
    assert moved == [0, 0]
    assert committed(turns) == 1


def committed(turns: Turns) -> int:
    """Messages of payments that the group will not read again."""
    loop = turns.stream
    places = [TopicPartition(topic, n) for topic in loop.work.topics for n in (0, 1)]
    return sum(max(offset, 0) for offset in committed_of(loop.group, places).values())


def test_a_header_that_is_no_text_is_read_as_none() -> None:
    broken = SimpleNamespace(
        topic=lambda: "payments", partition=lambda: 0, offset=lambda: 7, key=lambda: None, value=lambda: b"{}",
        headers=lambda: bytes([0xFF]).decode(), timestamp=lambda: (1, 1_700_000_000_000),
    )  # fmt: skip
    assert streams._raw(broken).headers == []  # type: ignore[arg-type]  # what librdkafka does with such a name


def test_a_bad_message_behind_one_that_waits_is_put_aside_once(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, read_topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "EARLY_WAIT", 0.05)
    buried: list[str] = []
    monkeypatch.setattr(streams.metrics, "dead_letter", lambda topic, code: buried.append(code))
    send("orders", order_event(payment_id="PAY1"), b"not json")
    turns = start()
    for _turn in range(8):
        turns.turn()
    assert buried == []
    send("payments", payment_event())

    turns.until(lambda: buried)
    for _turn in range(3):
        turns.turn()
    assert buried == ["malformed"]


def test_when_everything_fails_it_is_not_the_messages_that_are_to_blame(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded, broken = stream_work.payments_decide, [True]

    def break_down(**given: Any) -> Any:
        if broken:
            raise ValueError("what no check foresaw")
        return recorded(**given)

    monkeypatch.setattr(stream_work, "payments_decide", break_down)
    monkeypatch.setattr(streams, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(streams.connection, "close", lambda: None)
    monkeypatch.setattr(reader.Reader, "hold_all", lambda *_: broken.clear())
    send("payments", *[payment_event(payment_id=f"PAY{n}") for n in range(40)])

    start().until(lambda: len(statuses()) == 40)


def test_an_order_waits_for_its_payment(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "EARLY_WAIT", 0.05)
    send("orders", order_event(payment_id="PAY1"), order_event(order_id="O2"))
    turns = start()
    for _turn in range(4):
        turns.turn()
    assert not Order.objects.filter(external_id="O1").exists()
    send("payments", payment_event())

    turns.until(lambda: Order.objects.count() == 2)

    assert Order.objects.get(external_id="O1").payment_id == Payment.objects.get().pk


def test_an_order_does_not_wait_for_ever(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "EARLY_WAIT", 0.05)
    monkeypatch.setattr(stream_work, "PATIENCE", 0.0)
    send("orders", order_event(payment_id="NEVER"))

    start().until(lambda: Order.objects.exists())

    assert Order.objects.get().payment_id is None


def test_the_stream_runs_only_in_the_worker_of_its_queue() -> None:
    queues: dict[str, Any] = {"jobs": None}
    amqp = SimpleNamespace(queues=SimpleNamespace(consume_from=queues))
    worker = SimpleNamespace(app=SimpleNamespace(amqp=amqp))
    step = StreamStep(worker)

    assert not step.include_if(worker)
    queues["stream"] = None
    assert step.include_if(worker)


def test_it_stops_when_told_even_while_kafka_is_away(settings: Any) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = ["127.0.0.1:1"]
    stop = threading.Event()
    thread = threading.Thread(target=streams.Stream(stop, stream_work.DECIDING, Relay(stop)).run)
    thread.start()

    stop.set()
    thread.join(15)

    assert not thread.is_alive()


def test_an_order_waits_for_payments_that_nobody_reads_at_the_moment(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, topics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "EARLY_WAIT", 0.05)
    monkeypatch.setattr(stream_work, "PATIENCE", 0.1)
    turns = start()
    turns.until(lambda: len(turns.stream.reader.assigned) == 2)  # type: ignore[union-attr]
    consumer = turns.stream.reader.consumer  # type: ignore[union-attr]
    payments = [TopicPartition(topics("payments"), n) for n in (0, 1)]
    consumer.pause(payments)  # as if they were on their way between two workers
    send("payments", payment_event())
    send("orders", order_event(payment_id="PAY1"))
    for _turn in range(30):
        turns.turn()
    assert not Order.objects.exists()
    consumer.resume(payments)

    turns.until(lambda: Order.objects.exists())
    assert Order.objects.get().payment_id == Payment.objects.get().pk


def test_a_verdict_on_a_payment_waits_for_it(
    in_tenant: Tenant, customer: Any, send: Any, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "EARLY_WAIT", 0.05)
    verdict = LabelEvent(label_id="V1", payment_id="PAY1", is_fraud=True, source="chargeback", known_at=now())
    send("labels", verdict)
    turns = start()
    for _turn in range(4):
        turns.turn()
    send("payments", payment_event())

    turns.until(lambda: FraudLabel.objects.exists())
    label = FraudLabel.objects.get()
    assert (label.is_fraud, label.source, label.payment_id) == (True, "chargeback", Payment.objects.get().pk)
