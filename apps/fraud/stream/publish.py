"""The outbox to its topics: acknowledged before a row goes, so that nothing is lost; a repeat carries the same id."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from django.db import connection, transaction
from kafka import KafkaProducer
from kafka.errors import KafkaError

from apps.compliance.models import Tenant
from apps.fraud.services.decisions_store import DECISIONS_TOPIC
from kivendtout.lib.kafka import TENANT_HEADER
from kivendtout.lib.tenancy import across_tenants
from kivendtout.lib.trace import HEADER, span_of

# One row holds a whole batch of messages; a few of them keep a transaction short.
ROWS: Final = 20
ACK_SECONDS: Final = 10
LEAVE_SECONDS: Final = 1
# A message that was not acknowledged is given up before its row is free again: kept in the producer's memory, it would
# go out once more beside the row's next attempt. For whoever makes the producer.
DELIVERY: Final = {"request_timeout_ms": 4_000, "delivery_timeout_ms": 8_000}
# SKIP LOCKED: several workers share the outbox without waiting for each other.
TAKE: Final = "SELECT id, tenant_id, topic, messages FROM fraud_outbox ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"
log = structlog.get_logger(__name__)
_decode = msgspec.msgpack.Decoder(list[tuple[str, bytes, str]]).decode


def producer_leave(producer: KafkaProducer) -> None:
    """Drop what was not acknowledged, and end. kafka-python's own close waits for it, for ever if it must."""
    if (sender := producer._sender) is not None:
        sender.force_close()
    try:
        producer.close(timeout=LEAVE_SECONDS)
    except KafkaError as error:
        log.warning("outbox_producer_left", error=type(error).__name__)


class Published(NamedTuple):
    messages: int
    refused: bool
    """Kafka did not take everything; what it did not take stays where it is."""
    payments: dict[int, list[int]] = {}
    """By tenant, those whose decisions went out: open pages hear of them."""


def outbox_publish(producer: KafkaProducer) -> Published:
    sent, decided = 0, defaultdict[int, list[int]](list)
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(TAKE, [ROWS])
            rows = cursor.fetchall()
            done = _send(producer, rows)
            if done:
                cursor.execute("DELETE FROM fraud_outbox WHERE id = ANY(%s)", [list(done)])
        sent += sum(done.values())
        for pk, tenant_id, topic, messages in rows:
            if topic == DECISIONS_TOPIC and pk in done:
                decided[tenant_id] += [_payment(value) for _key, value, _trace in _decode(bytes(messages))]
        if len(rows) < ROWS or len(done) < len(rows):
            return Published(sent, len(done) < len(rows), dict(decided))


class _Decided(msgspec.Struct):
    decision_id: str


def _payment(value: bytes) -> int:
    return int(_decided(value).decision_id.removeprefix("dec_"))


_decided = msgspec.json.Decoder(_Decided).decode


def _send(producer: KafkaProducer, rows: list[tuple[Any, ...]]) -> dict[int, int]:
    waiting: dict[int, list[Any]] = {}
    slugs = _slugs({row[1] for row in rows})
    try:
        for pk, tenant_id, topic, messages in rows:
            waiting[pk] = [
                producer.send(topic, key=key.encode(), value=value, headers=_headers(slugs[tenant_id], trace))
                for key, value, trace in _decode(bytes(messages))
            ]
    except KafkaError as error:
        log.warning("outbox_not_taken", error=type(error).__name__, rows=len(rows) - len(waiting))
    # Those that are acknowledged may go, the others are tried again.
    with suppress(KafkaError):
        producer.flush(timeout=ACK_SECONDS)
    return {pk: len(futures) for pk, futures in waiting.items() if all(future.succeeded() for future in futures)}


def _slugs(tenants: set[int]) -> dict[int, bytes]:
    with across_tenants():
        return {pk: slug.encode() for pk, slug in Tenant.objects.filter(pk__in=tenants).values_list("pk", "slug")}


def _headers(slug: bytes, trace_id: str) -> list[tuple[str, bytes]]:
    headers = [(TENANT_HEADER, slug)]
    return [*headers, (HEADER, span_of(trace_id).encode())] if trace_id else headers
