"""Sending a timeline to Kafka: paced, patient, and clear about what happened."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from apps.payments.replay.messages import Outgoing, Teller
from apps.payments.replay.pace import Pace
from apps.payments.replay.timeline import SESSION, Timeline
from kivendtout.lib.errors import KvtError
from kivendtout.lib.events import outgoing
from kivendtout.lib.kafka import TENANT_HEADER, KafkaUnavailable, ensure_topics, make_producer
from kivendtout.lib.trace import kafka_headers, trace_scope

FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0
SAY_EVERY = 5.0
# How long the last messages may take once everything is sent, or once somebody asked to stop.
FLUSH_SECONDS = 30.0


@dataclass
class Totals:
    topics: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    passes: int = 0
    seconds: float = 0.0
    counted: dict[str, int] = field(default_factory=dict)
    skipped: int = 0

    @property
    def messages(self) -> int:
        return sum(self.topics.values())

    def as_dict(self) -> dict[str, Any]:
        return {
            "topics": self.topics,
            "messages": self.messages,
            "failed": self.failed,
            "skipped": self.skipped,
            "passes": self.passes,
            "seconds": round(self.seconds, 2),
            "per_second": round(self.messages / max(self.seconds, 1e-6)),
            "notes": self.counted,
        }


class Replay:
    def __init__(
        self,
        *,
        tenant: str,
        pace: Pace,
        live: bool,
        limit: int | None,
        stop: threading.Event,
        say: Callable[[str], None],
    ) -> None:
        self.tenant, self.pace, self.live, self.limit, self.stop, self.say = tenant, pace, live, limit, stop, say
        self.totals = Totals()
        self.acknowledged = 0
        self.producer: KafkaProducer | None = None
        self._said = self._seen = 0.0

    def run(self, timeline: Timeline, *, loop: bool) -> Totals:
        self._connect()
        begun = self._said = time.monotonic()
        self.totals.skipped = timeline.skipped
        try:
            while not self._enough():
                self._one_pass(timeline)
                self.totals.passes += 1
                if not loop:
                    break
        finally:
            self._close()
            self.totals.seconds = time.monotonic() - begun
        return self.totals

    def _enough(self) -> bool:
        return self.stop.is_set() or (self.limit is not None and self.totals.messages >= self.limit)

    def _connect(self) -> None:
        wait = FIRST_WAIT
        while not self.stop.is_set():
            try:
                made = ensure_topics()
                self.producer = make_producer()
            except KafkaUnavailable as error:
                self.say(f"{error.message} Trying again in {wait:.0f} s.")
                self.stop.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT)
            else:
                if made:
                    self.say(f"Created topics: {', '.join(made)}.")
                return

    def _one_pass(self, timeline: Timeline) -> None:
        teller = Teller(suffix=f"-{secrets.token_hex(4)}" if self.live else "", counted=self.totals.counted)
        self.pace.start()
        sent_before = self.totals.messages
        for item in timeline.items():
            if self._enough():
                return
            if item[1] != SESSION:  # nothing is sent of it, so nothing waits for it
                self._wait_until(self.pace.due(item[0], self.totals.messages - sent_before))
            message = teller.tell(item, self.pace.told(item[0], live=self.live))
            if message is not None and not self._enough():
                self._send(message)

    def _wait_until(self, due: float) -> None:
        while due and (left := due - self.pace.clock()) > 0 and not self.stop.is_set():
            self.stop.wait(min(left, 1.0))
            self._tell_progress()

    def _send(self, message: Outgoing) -> None:
        with trace_scope():
            headers = [(TENANT_HEADER, self.tenant.encode()), *kafka_headers()]
        wait = FIRST_WAIT
        while self.producer is not None:
            try:
                value = outgoing(message.topic, message.value)
                future = self.producer.send(message.topic, key=message.key, value=value, headers=headers)
            except (KafkaError, KvtError) as error:
                # No room or no broker. The message is still ours: wait, then offer the same one again.
                if self.stop.is_set():
                    return
                self.say(f"Kafka does not take messages ({type(error).__name__}). Trying again in {wait:.0f} s.")
                self.stop.wait(wait)
                wait = min(wait * 2, LONGEST_WAIT)
            else:
                future.add_both(self._answered)
                self.totals.topics[message.topic] = self.totals.topics.get(message.topic, 0) + 1
                self._tell_progress()
                return

    def _answered(self, answer: Any) -> None:
        if isinstance(answer, BaseException):
            self.totals.failed += 1
        else:
            self.acknowledged += 1

    def _tell_progress(self) -> None:
        now = time.monotonic()
        if now - self._said < SAY_EVERY:
            return
        waiting = self.totals.messages - self.acknowledged - self.totals.failed
        stuck = self.acknowledged == self._seen and waiting > 0
        note = " Kafka does not answer; they are kept and sent when it does." if stuck else ""
        self.say(f"{self.totals.messages:,} messages sent, {waiting:,} not yet acknowledged.{note}")
        self._said, self._seen = now, self.acknowledged

    def _close(self) -> None:
        if self.producer is None:
            return
        try:
            self.producer.flush(timeout=FLUSH_SECONDS)
        except KafkaError:
            self.say("Kafka did not acknowledge the last messages in time.")
        unanswered = self.totals.messages - self.acknowledged - self.totals.failed
        self.totals.failed += max(unanswered, 0)
        self.producer.close(timeout=1)
