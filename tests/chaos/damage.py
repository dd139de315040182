"""Faults planted on purpose after a verdict, so that a second one shows that each kind would have been found."""

from __future__ import annotations

import json
from typing import Any

import redis
from kafka import KafkaProducer

from tests.chaos.found import Evidence
from tests.chaos.world import TENANT, World

# Of the findings by name: what the faults below must turn up in, and nothing else may.
EXPECTED = frozenset({
    "payments with one reference", "payments with one row", "payments with one decision",
    "payments that stand as they were told", "alerts once in the database", "alerts numbered for open pages",
    "decisions that reached their topic", "alerts that reached their topic", "orders recorded",
    "orders linked to their payment", "verdicts on payments recorded", "behaviour in the document store",
    "dead letters that are poison", "entities that Redis knows as PostgreSQL does",
})  # fmt: skip


def plant(world: World, of: Evidence) -> None:
    """One of each. What is allowed is done as well: a decision that is published again is no fault."""
    by_payment = {one.payment: one for one in of.decisions}
    alerted = {name.removeprefix("kvt-") for name in of.alerts}
    plain = [one for one in of.decisions if str(one.number) not in alerted]
    undecided, lost, moved = plain[0], plain[1], plain[2]
    linked = [order for order, payment in of.orders if payment in by_payment]
    with world.postgres.connect() as database:
        # Past the triggers and constraints, which would refuse all of it.
        database.execute("SET session_replication_role = replica")

        def run(statement: str, *values: Any) -> None:
            done = database.execute(statement, values)
            assert done.rowcount == 1, f"The fault was not planted: {statement}"

        run("DELETE FROM fraud_decision WHERE payment_id = %s", undecided.number)
        run("DELETE FROM payments_paymentreference WHERE id = %s", lost.number)
        run("DELETE FROM payments_payment WHERE id = %s", lost.number)
        run("DELETE FROM fraud_decision WHERE payment_id = %s", lost.number)
        run("UPDATE payments_payment SET status_id = 'refunded' WHERE id = %s", moved.number)
        run("DELETE FROM fraud_fraudalert WHERE external_id = %s", of.alerts[0])
        run("DELETE FROM payments_order WHERE external_id = %s", linked[0])
        run("UPDATE payments_order SET payment_id = NULL WHERE external_id = %s", linked[1])
        run("UPDATE fraud_alertchange SET number = -1 WHERE number = 1")
        run("UPDATE fraud_fraudlabel SET is_fraud = NOT is_fraud WHERE id = (SELECT min(id) FROM fraud_fraudlabel)")
        run("DELETE FROM documents_events WHERE id = %s", of.events[0])
    _forget_a_customer(world)
    _publish(world, of)


def _forget_a_customer(world: World) -> None:
    from apps.compliance.models import Tenant
    from apps.fraud.engine.event import short_key
    from apps.fraud.state.keys import log_key

    with redis.Redis.from_url(world.redis.url) as client:
        tenant_id = Tenant.objects.get(slug=TENANT).pk
        assert client.delete(log_key(tenant_id, "customer", short_key("C00001")))


def _publish(world: World, of: Evidence) -> None:
    """A decision that nobody made, one that is told twice, and a good payment among the dead letters."""
    producer = KafkaProducer(bootstrap_servers=world.kafka.bootstrap.split(","), acks="all")
    customer, again = of.published[0]
    for name in ("dec_999999999", again):
        producer.send("decisions", json.dumps({"customer_id": customer, "decision_id": name}).encode(), b"any")
    producer.send("payments.dlq", b'{"payment_id": "PAY0000000"}', headers=[("source", b"payments[0]@0")])
    producer.flush(timeout=30)
    producer.close()
