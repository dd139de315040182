"""The Kafka consumer that `component.py` starts in whichever worker serves the queue `stream`.

One thread, numbered steps, offsets committed last. Any step may die and be repeated: nothing is lost, nothing is
there twice. `docs/ingestion.md` tells what happens when Kafka, PostgreSQL or Redis is away.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import CommitFailedError, KafkaError
from kafka.structs import OffsetAndMetadata

from apps.fraud.stream.batch import DOCUMENT_PAUSE, KINDS, Batch, BatchResult, Raw, StoreAway, documents_breaker
from apps.fraud.stream.publish import DELIVERY, outbox_publish, producer_leave
from apps.payments.live.messages import push_payments
from kivendtout.lib.clock import now
from kivendtout.lib.kafka import (
    DEAD_LETTERS,
    TENANT_HEADER,
    KafkaUnavailable,
    connection_options,
    ensure_topics,
    make_producer,
)
from kivendtout.lib.redact import redact_cards
from kivendtout.lib.trace import HEADER

GROUP = "kivendtout-stream"
PAYMENTS = "payments"
# Enough for set-based SQL to pay off; a batch of this size is recorded well within a second.
BATCH = 1_000
POLL_MS = 500
# As many rows as a page holds; older ones would leave it at once.
MOST_PUSHED = 100
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
# An order that waits for its payment is looked at again after this.
EARLY_WAIT = 1.0
# After Kafka refused decisions, payments are decided for so long before it is asked again: asking takes seconds then.
PUBLISH_WAIT = 15.0
# A group member that is silent for longer loses its partitions. Waiting for a store keeps polling, so this
# only has to cover one batch; it is generous because a first batch may have to make partitions and keys.
MAX_POLL_MS = 600_000

log = structlog.get_logger(__name__)


class Stream:
    """Reads, records, answers for what it could not record, commits; until told to stop."""

    def __init__(self, stop: threading.Event, *, group: str = GROUP, topics: tuple[str, ...] = tuple(KINDS)) -> None:
        self.stop, self.group, self.topics = stop, group, topics
        self.tenants: dict[str, int] = {}
        self.waiting: dict[TopicPartition, float] = {}
        """Paused until then, on the monotonic clock."""
        self.documents = documents_breaker()
        self.publish_at = 0.0
        self.consumer: KafkaConsumer | None = None
        self.producer: KafkaProducer | None = None

    # --- life -----------------------------------------------------------------------------------------------------
    def run(self) -> None:
        wait = FIRST_WAIT
        while not self.stop.is_set():
            try:
                self._connect()
                wait = FIRST_WAIT
                while not self.stop.is_set():
                    self.turn()
            except (KafkaError, KafkaUnavailable) as error:
                log.warning("stream_kafka_away", error=type(error).__name__, retry_seconds=wait)
                self._close()
                self.stop.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT)
            except Exception:
                # A fault of ours must not end the consumer while its worker looks healthy.
                log.exception("stream_failed", retry_seconds=wait)
                self._close()
                self.stop.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT)
        self._close()
        connection.close()
        log.info("stream_stopped")

    def _connect(self) -> None:
        ensure_topics()
        self.producer = make_producer(**DELIVERY)
        self.consumer = KafkaConsumer(
            **connection_options(),
            group_id=self.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=BATCH,
            max_poll_interval_ms=MAX_POLL_MS,
        )
        self.consumer.subscribe(list(self.topics))
        self.waiting.clear()
        log.info("stream_started", group=self.group, topics=list(self.topics))

    def _close(self) -> None:
        try:
            if self.producer is not None:
                producer_leave(self.producer)
            if self.consumer is not None:
                self.consumer.close()
        except Exception as error:
            log.warning("stream_close_failed", error=type(error).__name__)
        self.consumer = self.producer = None

    # --- one turn ---------------------------------------------------------------------------------------------------
    def turn(self) -> BatchResult | None:
        assert self.consumer is not None
        self._resume_waiting()
        # 1. Poll.
        polled = self._poll(POLL_MS)
        messages = [_raw(record) for records in polled.values() for record in records]
        if not messages:
            self._push(self._publish())  # what the API decided
            return None
        # 2. Decode and record; waits here for as long as a store is away.
        result = self._record(messages)
        if result is None:
            return None
        # 3. Dead letters, acknowledged before their offsets move.
        self._bury(result)
        # 4. Decisions and alerts go to their topics; what does not get there now stays in the outbox.
        published = self._publish()
        # 5. Whoever watches hears of the payments, the API's among them; a deaf browser costs nothing but that.
        self._push(
            {tenant: result.new.get(tenant, []) + published.get(tenant, []) for tenant in result.new | published}
        )
        # 6. Offsets last.
        self._commit(polled, result)
        return result

    def _poll(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        assert self.consumer is not None
        # kafka-python 3.0 forgets a join that a poll's end interrupts, and then waits for partitions for ever.
        coordinator = self.consumer._coordinator
        if coordinator is not None and coordinator._join_task is not None:
            coordinator.request_rejoin()
        return dict(self.consumer.poll(timeout_ms=timeout_ms))

    def _record(self, messages: list[Raw]) -> BatchResult | None:
        wait = FIRST_WAIT
        while not self.stop.is_set():
            close_old_connections()
            try:
                behind = self._behind()
                batch = Batch(now=now(), tenants=self.tenants, behind=behind, documents=self.documents)
                return batch.process(messages)
            except StoreAway as error:
                log.warning("stream_store_away", error=str(error), retry_seconds=wait, messages=len(messages))
                connection.close()
                self._hold(wait)
                wait = min(wait * 2, LONGEST_WAIT)
        return None  # not committed, so the next worker reads the batch again

    def _behind(self) -> bool:
        """Payments that have arrived and are not read yet: one of them may be what an order waits for."""
        assert self.consumer is not None
        payments = [part for part in self.consumer.assignment() if part.topic == PAYMENTS]
        return any((self.consumer.highwater(part) or 0) > self.consumer.position(part) for part in payments)

    def _hold(self, seconds: float) -> None:
        """Wait, and stay a member of the group: paused partitions give nothing, and polling shows that we live."""
        assert self.consumer is not None
        paused = self.consumer.assignment()
        self.consumer.pause(*paused)
        deadline = now().timestamp() + seconds
        while not self.stop.is_set() and (left := deadline - now().timestamp()) > 0:
            for part, records in self._poll(int(min(left, 1.0) * 1000)).items():
                self.consumer.seek(part, records[0].offset)  # newly ours: read it in its turn
            self.stop.wait(min(left, 0.2))
        self.consumer.resume(*(self.consumer.assignment() & paused))

    def _bury(self, result: BatchResult) -> None:
        assert self.producer is not None
        futures = [self._send_dead(raw, reason) for raw, reason in result.dead]
        if futures:
            self.producer.flush()
        for future in futures:
            future.get(timeout=30)
        for raw, reason in result.dead:
            log.warning("dead_letter", place=raw.place, reason=reason)

    def _send_dead(self, raw: Raw, reason: str) -> Any:
        assert self.producer is not None
        # What was refused may hold the very card number it was refused for.
        value = redact_cards(raw.value.decode("utf-8", "replace")).encode()
        kept = [(name, text) for name, text in raw.headers if name in (HEADER, TENANT_HEADER) and text is not None]
        headers = [*kept, ("reason", reason.encode()), ("source", raw.place.encode())]
        return self.producer.send(f"{raw.topic}{DEAD_LETTERS}", key=raw.key, value=value, headers=headers)

    def _publish(self) -> dict[int, list[int]]:
        """Payments whose decisions have gone out, by tenant."""
        assert self.producer is not None
        if monotonic() < self.publish_at:
            return {}
        try:
            published = outbox_publish(self.producer)
            if published.refused:
                self.publish_at = monotonic() + PUBLISH_WAIT
                # An idempotent producer can stay stuck at a message of unknown fate. What it held is in its row.
                producer_leave(self.producer)
                self.producer = None
                self.producer = make_producer(**DELIVERY)
            return published.payments
        except (DatabaseError, InterfaceError) as error:
            log.warning("stream_outbox_not_read", error=type(error.__cause__ or error).__name__)
            connection.close()
            return {}

    def _push(self, payments: dict[int, list[int]]) -> None:
        for tenant_id, ids in payments.items():
            try:
                push_payments(tenant_id=tenant_id, ids=sorted(set(ids))[-MOST_PUSHED:])
            except Exception as error:
                log.warning("stream_push_failed", error=type(error).__name__)

    def _commit(self, polled: dict[TopicPartition, list[Any]], result: BatchResult) -> None:
        assert self.consumer is not None
        held_at = self._hold_back(result)
        offsets = {}
        for part, records in polled.items():
            offsets[part] = OffsetAndMetadata(held_at.get(part, records[-1].offset + 1), "", -1)
        try:
            self.consumer.commit(offsets)
        except CommitFailedError as error:
            # The group gave our partitions to another worker, which repeats what we did: harmless.
            log.warning("stream_commit_refused", error=type(error).__name__)

    def _hold_back(self, result: BatchResult) -> dict[TopicPartition, int]:
        """Orders before their payment, behaviour without its store: their partitions wait there, the others go on."""
        early, unstored = _first_of(result.early), _first_of(result.unstored)
        for part, offset in early.items():
            self._pause(part, offset, EARLY_WAIT)
        for part, offset in unstored.items():
            self._pause(part, offset, DOCUMENT_PAUSE)
        return early | unstored

    def _pause(self, part: TopicPartition, offset: int, seconds: float) -> None:
        assert self.consumer is not None
        if part in self.consumer.assignment():
            self.consumer.seek(part, offset)
            self.consumer.pause(part)
            self.waiting[part] = monotonic() + seconds

    def _resume_waiting(self) -> None:
        assert self.consumer is not None
        for part, until in list(self.waiting.items()):
            if monotonic() >= until:
                del self.waiting[part]
                if part in self.consumer.assignment():
                    self.consumer.resume(part)


def _first_of(messages: list[Raw]) -> dict[TopicPartition, int]:
    first: dict[TopicPartition, int] = {}
    for raw in messages:
        part = TopicPartition(raw.topic, raw.partition)
        first[part] = min(raw.offset, first.get(part, raw.offset))
    return first


def _raw(record: Any) -> Raw:
    sent_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    headers = [(name, value) for name, value in record.headers or ()]
    return Raw(record.topic, record.partition, record.offset, record.key, record.value or b"", headers, sent_at)
