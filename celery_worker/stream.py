"""The loops that `component.py` starts in whichever worker serves the queue `stream`.

     1. poll         as many messages as are there, a batch at most             `Reader.poll`
     2. decode       each once, at the edge; what cannot be read is put aside   `Batch.read`
     3. deduplicate  what is on record already changes nothing                  `payments_record`
     4. features     what is known, asked of feature state for all at once      `payments_decide`
     5. rules        and lists                                                  `Engine.judge`
     6. scorer
     7. store        payments, decisions, alerts by COPY, in one transaction    `decisions_insert`
     8. outbox       with it, what others will be told
     9. publish      the outbox to its topics, by a thread of its own           `Relay`
    10. push         to open pages, likewise                                    `Teller`
    11. commit       the offsets, last

A worker may die at any step: its successor reads the batch again, and what was stored is found stored. Publishing does
not hold the offsets up, because what is to be published is stored.
"""

from __future__ import annotations

import threading
from functools import partial
from time import time
from typing import Any, Final, cast

import structlog
from confluent_kafka import KafkaException, Message, Producer
from django.db import close_old_connections, connection

from apps.fraud.stream.batch import Batch, BatchResult, Raw, StoreAway
from apps.fraud.stream.dead_letters import dead_letter_of
from apps.fraud.stream.relay import Relay
from apps.fraud.stream.work import DECIDING, PAYMENTS, Work
from celery_worker.reader import Part, Reader, place_of
from kivendtout.lib import stream_metrics as metrics
from kivendtout.lib.clock import now
from kivendtout.lib.kafka import KafkaUnavailable, ensure_topics
from kivendtout.lib.kafka_native import drop_native_producer, make_native_producer
from kivendtout.lib.stream_health import StreamHealth

FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
# An order that waits for its payment is looked at again after this.
EARLY_WAIT = 1.0
# Dead letters stand in no outbox: their offsets wait until Kafka has them.
ACK_SECONDS: Final = 30.0

log = structlog.get_logger(__name__)


class Stream:
    """Reads, records, answers for what it could not record, commits; until told to stop."""

    def __init__(
        self,
        stop: threading.Event,
        work: Work,
        relay: Relay,
        *,
        group: str | None = None,
        payments_group: str = DECIDING.group,
        health: StreamHealth | None = None,
    ) -> None:
        self.stop, self.work, self.relay = stop, work, relay
        self.group, self.payments_group = group or work.group, payments_group
        self.health = health or StreamHealth()
        self.tenants: dict[str, int] = {}
        self.reader: Reader | None = None
        self.producer: Producer | None = None

    # --- life -----------------------------------------------------------------------------------------------------
    def run(self) -> None:
        metrics.in_loop(self.work.name)
        wait = FIRST_WAIT
        while not self.stop.is_set():
            try:
                self.connect()
                while not self.stop.is_set():
                    self.turn()
                    wait = FIRST_WAIT
            except (KafkaException, KafkaUnavailable) as error:
                log.warning("stream_kafka_away", error=type(error).__name__, retry_seconds=wait)
                self.health.waits("kafka")
                wait = self._pause(wait)
            except Exception:
                # A fault of ours must not end the consumer while its worker looks healthy.
                log.exception("stream_failed", retry_seconds=wait)
                wait = self._pause(wait)
        self.close()
        connection.close()
        self.health.stopped()
        log.info("stream_stopped", work=self.work.name)

    def connect(self) -> None:
        ensure_topics()
        self.health.goes_on("kafka")
        self.reader = Reader(self.group, self.work.topics, self.stop, self.health)
        log.info("stream_started", group=self.group, topics=list(self.work.topics))

    def close(self) -> None:
        try:
            if self.producer is not None:
                drop_native_producer(self.producer)
            if self.reader is not None:
                self.reader.close()
        except Exception as error:
            log.warning("stream_close_failed", error=type(error).__name__)
        self.reader = self.producer = None

    def _pause(self, seconds: float) -> float:
        metrics.retries("kafka")
        self.close()
        self.stop.wait(seconds)
        self.health.turned(0)
        return min(seconds * 2, LONGEST_WAIT)

    # --- one turn ---------------------------------------------------------------------------------------------------
    def turn(self) -> BatchResult | None:
        assert self.reader is not None
        # 1. Poll.
        polled = [_raw(message) for message in self.reader.poll(self.work.batch)]
        if not polled:
            self.reader.tell_lag()
            return None
        # 2 to 8. Decode, decide, store; waits here for as long as a store is away.
        result = self._record(polled)
        if result is None:
            return None  # told to stop; not committed, so the next worker reads the batch again
        # Messages that cannot be used are acknowledged by their topic before their offsets move.
        self._bury(result)
        # 9 and 10. The relay publishes and pushes; what it cannot now, it will.
        self.relay.wake(result.new)
        # 11. Offsets last.
        with metrics.batch_seconds("commit"):
            self._commit(polled, result)
        self._tell(polled, result)
        return result

    def _record(self, messages: list[Raw]) -> BatchResult | None:
        wait, away, tries = FIRST_WAIT, None, 0
        while not self.stop.is_set():
            close_old_connections()
            try:
                result = self._batch(messages, tries)
            except StoreAway as error:
                tries += 1
                away = error.dependency
                log.warning("stream_store_away", error=str(error), retry_seconds=wait, messages=len(messages))
                metrics.retries(away)
                connection.close()
                self._wait_for(away, wait)
                wait = min(wait * 2, LONGEST_WAIT)
            else:
                if away:
                    self.health.goes_on(away)
                    metrics.paused(away, False)
                return result
        return None

    def _batch(self, messages: list[Raw], tries: int = 0) -> BatchResult:
        assert self.reader is not None
        passed = partial(self.reader.passed, PAYMENTS, self.payments_group)
        batch = Batch(self.work, now=now(), tenants=self.tenants, passed=passed, tries=tries)
        return batch.process(messages)

    def _wait_for(self, dependency: metrics.Dependency, seconds: float) -> None:
        assert self.reader is not None
        self.health.waits(dependency)
        metrics.paused(dependency, True)
        self.reader.hold_all(seconds)

    def _bury(self, result: BatchResult) -> None:
        dead = [letter for letter in result.dead if self.work.answers_for(letter.raw.topic)]
        if not dead:
            return
        self.producer = self.producer or make_native_producer()
        refused: list[str] = []
        for raw, reason, code in dead:
            self.health.turned()  # what is hostile may take a second to clean
            letter = dead_letter_of(raw, reason, code, failed_at=now())
            self.producer.produce(
                letter.topic, letter.value, letter.key, headers=cast("list[Any]", letter.headers),
                on_delivery=lambda error, _message: refused.append(error.name()) if error else None,
            )  # fmt: skip
        left = self.producer.flush(ACK_SECONDS)
        if refused or left:
            drop_native_producer(self.producer)
            self.producer = None
            raise KafkaUnavailable(f"Kafka did not take {len(refused) or left} dead letters.")
        for raw, reason, code in dead:
            metrics.dead_letter(raw.topic, code)
            log.warning("dead_letter", place=raw.place, code=code, reason=reason)

    def _commit(self, polled: list[Raw], result: BatchResult) -> None:
        assert self.reader is not None
        offsets: dict[Part, int] = {}
        for raw in polled:
            offsets[raw.topic, raw.partition] = max(offsets.get((raw.topic, raw.partition), 0), raw.offset + 1)
        for part, offset in _first_of(result.early).items():
            # What comes before what it needs waits there with those behind it; other partitions go on.
            offsets[part] = offset
            self.reader.hold_back(part, offset, EARLY_WAIT)
        self.reader.commit(offsets)

    def _tell(self, polled: list[Raw], result: BatchResult) -> None:
        assert self.reader is not None
        metrics.batch_size(len(polled))
        oldest: dict[str, float] = {}
        for raw in polled:
            oldest[raw.topic] = min(oldest.get(raw.topic, raw.sent_at), raw.sent_at)
        for topic, sent_at in oldest.items():
            metrics.message_age(topic, time() - sent_at)
        for topic, outcome, count in result.counted():
            metrics.messages(topic, outcome, count)
        self.reader.tell_lag()


def _first_of(messages: list[Raw]) -> dict[Part, int]:
    first: dict[Part, int] = {}
    for raw in messages:
        part = (raw.topic, raw.partition)
        first[part] = min(raw.offset, first.get(part, raw.offset))
    return first


def _raw(message: Message) -> Raw:
    try:
        headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    except (SystemError, UnicodeDecodeError):  # a name that is no UTF-8: then it names no tenant that can be read
        headers = []
    return Raw(*place_of(message), message.key(), message.value() or b"", headers, message.timestamp()[1] / 1000)
