"""The outbox to its destinations, lane by lane, in the order it was written.

A row goes once its destination acknowledged every message in it, and none after it in its lane goes before. So what is
told of one key arrives in order; what is not acknowledged is sent again with all that follows it, under the same ids.
A destination that refuses is left alone with growing pauses, which its row in `fraud_outboxlane` shows.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any, Final, NamedTuple

import structlog
from confluent_kafka import Producer
from django.db import connection, transaction

from apps.fraud.services.decisions_store import ALERTS_TOPIC, DECISIONS_TOPIC
from apps.fraud.stream.outgoing import Delivery, Row, payments_told, slugs_of
from apps.fraud.stream.pages import Teller
from apps.fraud.stream.rounds import go_round
from kivendtout.lib import stream_metrics as metrics
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError
from kivendtout.lib.kafka_native import drop_native_producer, error_name, make_native_producer

# Labels that came from inside; decisions and alerts.
LANES: Final = (DECISIONS_TOPIC, ALERTS_TOPIC, "labels")
# One row holds a whole batch of messages; a few of them keep a transaction short.
ROWS: Final = 20
# What the API decided waits for no batch of the stream: it is looked for so often. A look is one indexed query.
TICK: Final = 0.1
# Longer than a delivery may take: a flush ends because everything is answered, not because it gave up.
ACK_SECONDS: Final = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# How full the outbox is: for people, so not at each look.
COUNT_EVERY: Final = 5.0

DUE: Final = """
SELECT topic FROM fraud_outboxlane lane WHERE coalesce(next_try_at <= %s, true)
   AND EXISTS (SELECT FROM fraud_outbox waiting WHERE waiting.topic = lane.topic)
"""
# Held until the rows are gone: another worker passes on, so nothing overtakes.
HOLD: Final = "SELECT attempts FROM fraud_outboxlane WHERE topic = %s FOR UPDATE SKIP LOCKED"
TAKE: Final = "SELECT id, tenant_id, messages FROM fraud_outbox WHERE topic = %s ORDER BY id LIMIT %s"
REFUSED: Final = """
UPDATE fraud_outboxlane SET attempts = attempts + 1, failed_since = coalesce(failed_since, %s), next_try_at = %s,
       last_error = %s WHERE topic = %s
"""
TAKEN_AGAIN: Final = """
UPDATE fraud_outboxlane SET attempts = 0, failed_since = NULL, next_try_at = NULL, last_error = '' WHERE topic = %s
"""
MAKE: Final = """
INSERT INTO fraud_outboxlane (topic, attempts, last_error)
SELECT topic, 0, '' FROM (SELECT DISTINCT topic FROM fraud_outbox UNION SELECT unnest(%s::text[])) known
ON CONFLICT DO NOTHING
"""
COUNT: Final = "SELECT topic, count(*), extract(epoch FROM %s - min(created_at)) FROM fraud_outbox GROUP BY topic"

log = structlog.get_logger(__name__)


class Chunk(NamedTuple):
    messages: int
    more: bool
    """Perhaps there is more in this lane."""


class Relay:
    """`turn` does all that is due; `run` goes on doing it until told to stop."""

    def __init__(self, stop: threading.Event, teller: Teller | None = None) -> None:
        """`teller` hears of each decision that went out: those of the API reach open pages by this."""
        self.stop, self.teller = stop, teller or Teller(stop)
        self.woken = threading.Event()
        self.count_at = 0.0
        self.producer: Producer | None = None

    def wake(self, recorded: dict[int, list[int]] | None = None) -> None:
        """From another thread: something was committed, and these payments are new or moved."""
        self.woken.set()
        self.teller.wake(recorded or {})

    def run(self) -> None:
        go_round("relay", self.turn, stop=self.stop, woken=self.woken, rest=lambda: TICK)
        self.close()

    def close(self) -> None:
        self._drop()
        connection.close()

    def turn(self) -> int:
        """Messages published. A chunk of each lane in turn: one that has much to catch up with starves no other."""
        published, due = 0, self._due()
        while due and not self.stop.is_set():
            chunks = {topic: self._chunk(topic) for topic in due}
            published += sum(chunk.messages for chunk in chunks.values())
            due = [topic for topic, chunk in chunks.items() if chunk.more]
        return published

    def _due(self) -> list[str]:
        with connection.cursor() as cursor:
            if monotonic() >= self.count_at:
                self._count(cursor)
            cursor.execute(DUE, [now()])
            return [topic for (topic,) in cursor.fetchall()]

    def _count(self, cursor: Any) -> None:
        self.count_at = monotonic() + COUNT_EVERY
        cursor.execute(MAKE, [list(LANES)])
        cursor.execute(COUNT, [now()])
        metrics.outbox_waiting({topic: (rows, float(age)) for topic, rows, age in cursor.fetchall()})

    def _chunk(self, topic: str) -> Chunk:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(HOLD, [topic])
            if not (held := cursor.fetchone()):
                return Chunk(0, more=False)
            cursor.execute(TAKE, [topic, ROWS])
            taken = cursor.fetchall()
            delivery = self._deliver(topic, taken)
            gone = delivery.acknowledged()
            if gone:
                cursor.execute("DELETE FROM fraud_outbox WHERE id = ANY(%s)", [[row.pk for row in gone]])
            if delivery.fault:
                self._refused(cursor, topic, held[0], delivery.fault)
            elif held[0]:
                cursor.execute(TAKEN_AGAIN, [topic])
        return Chunk(self._told(topic, gone), more=delivery.fault is None and len(taken) == ROWS)

    def _deliver(self, topic: str, taken: Sequence[tuple[int, int, memoryview]]) -> Delivery:
        delivery = Delivery()
        slugs = slugs_of({tenant_id for _pk, tenant_id, _packed in taken})
        try:
            delivery.rows = [Row(pk, tenant_id, bytes(packed)) for pk, tenant_id, packed in taken]
            self.producer = self.producer or make_native_producer()
            delivery.send(self.producer, topic, slugs)
            self.producer.flush(ACK_SECONDS)
        except Exception as error:  # whatever it is, it is this lane's, and the others go on
            delivery.fault = delivery.fault or _said(error)
        if delivery.fault is None and len(delivery.acknowledged()) < len(taken):
            delivery.fault = "no acknowledgement in time"
        if delivery.fault:
            # An idempotent producer can stay stuck at a message of unknown fate. What it held stands in its row.
            self._drop()
        return delivery

    def _refused(self, cursor: Any, topic: str, attempts: int, fault: str) -> None:
        pause = min(FIRST_PAUSE * 2 ** min(attempts, 10), LONGEST_PAUSE)
        at = now()
        cursor.execute(REFUSED, [at, at + timedelta(seconds=pause), fault[:200], topic])
        metrics.relay_refused(topic)
        log.warning("outbox_not_taken", lane=topic, error=fault, attempts=attempts + 1, retry_seconds=pause)

    def _told(self, topic: str, gone: Sequence[Row]) -> int:
        count = sum(row.count for row in gone)
        if count:
            metrics.relay_published(topic, count)
        if topic == DECISIONS_TOPIC:
            self.teller.published(payments_told(gone))
        return count

    def _drop(self) -> None:
        producer, self.producer = self.producer, None
        if producer is not None:
            drop_native_producer(producer)


def _said(error: Exception) -> str:
    if isinstance(error, KvtError):  # a schema registry, say
        return error.message
    return error_name(error)
