"""What the stores hold after the last kill, and waiting until nothing is left to do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from tests.chaos.found import Dead, Decided, Evidence
from tests.chaos.sender import Ledger
from tests.chaos.world import World

READ = ("payments", "orders", "labels", "user-events", "cart-events")
LOOK_SECONDS = 0.5

REFERENCES = "SELECT external_id FROM payments_paymentreference"
PAYMENTS = """
SELECT r.external_id, p.status_id FROM payments_payment p JOIN payments_paymentreference r ON r.id = p.id
"""
DECISIONS = """
SELECT d.payment_id, r.external_id, d.points, extract(epoch FROM d.decided_at)::float8, d.degraded
FROM fraud_decision d LEFT JOIN payments_paymentreference r ON r.id = d.payment_id
"""
ALERTS = "SELECT external_id FROM fraud_fraudalert"
ORDERS = """
SELECT o.external_id, r.external_id FROM payments_order o LEFT JOIN payments_paymentreference r ON r.id = o.payment_id
"""
CHANGES = """
SELECT a.external_id, c.number FROM fraud_alertchange c JOIN fraud_fraudalert a ON a.id = c.alert_id
WHERE c.change = 'raised'
"""
LABELS = """
SELECT r.external_id, CASE WHEN l.is_fraud THEN 'fraud' ELSE 'genuine' END
FROM fraud_fraudlabel l JOIN payments_paymentreference r ON r.id = l.payment_id
"""
EVENTS = "SELECT id FROM documents_events"
LEFT = {"outbox": "SELECT count(*) FROM fraud_outbox", "debts to Redis": "SELECT count(*) FROM fraud_statedebt"}


def drain(world: World, seconds: float, say: Callable[[str], None]) -> dict[str, int]:
    """Waits until nothing is left to do, or patience ends; what is left then."""
    began, told = time.monotonic(), 0.0
    while True:
        left = unfinished(world)
        passed = time.monotonic() - began
        if not any(left.values()) or passed > seconds:
            return left
        if passed - told > 10:
            told = passed
            say(f"{passed:7.0f} s  left: " + ", ".join(f"{what} {count}" for what, count in left.items() if count))
        time.sleep(LOOK_SECONDS)


def unfinished(world: World) -> dict[str, int]:
    with world.postgres.connect() as database:
        left = {name: int(database.execute(query).fetchone()[0]) for name, query in LEFT.items()}  # type: ignore[index]
    return {"lag": _lag(world), **left, "tenants to rebuild": _cold()}


def _cold() -> int:
    from django.db import connection

    from apps.compliance.models import Tenant
    from apps.fraud.state.live_state import live_state

    connection.close()  # it may be of a server that died
    return sum(not live_state().is_warm(pk) for pk in Tenant.objects.values_list("pk", flat=True))


def _consumer(world: World, group: str | None = None) -> KafkaConsumer:
    return KafkaConsumer(
        bootstrap_servers=world.kafka.bootstrap.split(","), group_id=group, enable_auto_commit=False,
        auto_offset_reset="earliest",
    )  # fmt: skip


def _lag(world: World) -> int:
    """Of every group together; -1 when it cannot be told, which is not nothing."""
    from apps.fraud.stream.work import WORKS

    lags = [_lag_of(world, work.group, work.topics) for work in WORKS]
    return -1 if -1 in lags else sum(lags)


def _lag_of(world: World, group: str, topics: Sequence[str]) -> int:
    try:
        consumer = _consumer(world, group)
    except KafkaError:
        return -1
    try:
        parts = [TopicPartition(topic, n) for topic in topics for n in consumer.partitions_for_topic(topic) or ()]
        ends = consumer.end_offsets(parts)
        return sum(end - (consumer.committed(part) or 0) for part, end in ends.items())
    except KafkaError:
        return -1
    finally:
        consumer.close()


def collect(world: World, ledger: Ledger, left: dict[str, int]) -> Evidence:
    from tests.chaos.state import state_differences

    of = Evidence(ledger, unfinished=left)
    with world.postgres.connect() as database:

        def rows(query: str) -> list[Any]:
            return database.execute(query).fetchall()

        of.references = [row[0] for row in rows(REFERENCES)]
        of.payments = [(row[0], row[1]) for row in rows(PAYMENTS)]
        of.decisions = [Decided(number, payment or "", *rest) for number, payment, *rest in rows(DECISIONS)]
        of.alerts = [row[0] for row in rows(ALERTS)]
        of.orders = [(row[0], row[1]) for row in rows(ORDERS)]
        of.changes = [(row[0], row[1]) for row in rows(CHANGES)]
        of.labels = [(row[0], row[1]) for row in rows(LABELS)]
        of.events = [row[0] for row in rows(EVENTS)]
    for record in _read(world, "decisions"):
        told = json.loads(record.value)
        of.published.append((told["customer_id"], told["decision_id"]))
    of.published_alerts = [json.loads(record.value)["alert_id"] for record in _read(world, "fraud-alerts")]
    of.dead = [_dead(record) for topic in READ for record in _read(world, f"{topic}.dlq")]
    of.state_compared, of.state_differences = state_differences()
    return of


def _read(world: World, topic: str) -> Iterator[Any]:
    """The topic from its beginning to where it ends now, each partition in its order."""
    consumer = _consumer(world)
    try:
        parts = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        ends = consumer.end_offsets(parts)
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        while any(consumer.position(part) < end for part, end in ends.items()):
            for records in consumer.poll(timeout_ms=1_000).values():
                yield from records
    finally:
        consumer.close()


def _dead(record: Any) -> Dead:
    headers = dict(record.headers)
    return Dead(record.topic, (headers.get("source") or b"").decode(), record.value.decode("utf-8", "replace"))
