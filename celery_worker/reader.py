"""A consumer of the group, as the loop uses it: polls batches, holds partitions back, commits. It knows no payment.

Everything runs in the loop's own thread: librdkafka calls back only from within `poll`, when no batch is at work. So a
partition that goes to another worker takes nothing with it that is not committed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Final, cast

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from kivendtout.lib import stream_metrics as metrics
from kivendtout.lib.kafka_native import committed_of, error_name, make_native_consumer
from kivendtout.lib.stream_health import StreamHealth

Part = tuple[str, int]
# How long an empty poll waits; a message ends it at once.
POLL_SECONDS: Final = 0.5
# … and then what comes within this goes along: a transaction of one costs nearly what one of twenty does, and nobody
# sees the difference on a screen. A full batch waits for nothing.
GATHER_SECONDS: Final = 0.015
# Stopping is noticed within this while a store is waited for.
LOOK_SECONDS: Final = 0.2
# While no broker answers, one is asked so often.
ASK_SECONDS: Final = 5.0
ASK_TIMEOUT: Final = 1.0
# Said of each connection; of all of them together it is worth a line.
QUIET: Final = frozenset({KafkaError._TRANSPORT, KafkaError._RESOLVE})

log = structlog.get_logger(__name__)


class Reader:
    def __init__(self, group: str, topics: Sequence[str], stop: threading.Event, health: StreamHealth) -> None:
        self.stop, self.health = stop, health
        self.waiting: dict[Part, float] = {}
        """Held back until then, on the monotonic clock."""
        self.assigned: set[Part] = set()
        self.owed: dict[Part, int] = {}
        """Read and recorded, and not committed yet."""
        self.holding = self.away = False
        self.ask_at = self.passed_ask_at = self.passed_until = 0.0
        self.consumer: Consumer = make_native_consumer(group, on_error=self._on_error)
        self.consumer.subscribe(
            list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def poll(self, most: int) -> list[Message]:
        """What is there, up to `most`; waits for the first one, and a moment for those behind it."""
        self._resume_waiting()
        self.health.turned(len(self.assigned))
        if self.away:
            self._ask()
        first = self.consumer.poll(POLL_SECONDS)
        if first is None:
            self.commit({})
            return []
        found = [first, *self.consumer.consume(most - 1, GATHER_SECONDS)] if most > 1 else [first]
        return [message for message in found if self._usable(message)]

    def commit(self, offsets: dict[Part, int]) -> None:
        """One that is refused, as while partitions move, is owed and tried again. Whoever reads meanwhile what was not
        committed repeats it."""
        self.owed |= {part: offset for part, offset in offsets.items() if part in self.assigned}
        if not self.owed:
            return
        try:
            done = self.consumer.commit(
                offsets=[TopicPartition(topic, number, offset) for (topic, number), offset in self.owed.items()],
                asynchronous=False,
            )
        except KafkaException as error:
            metrics.retries("kafka")
            log.warning("stream_commit_refused", error=error_name(error))
        else:
            for one in done or []:
                if one.error is None:
                    self.owed.pop((one.topic, one.partition), None)

    def hold_back(self, part: Part, offset: int, seconds: float) -> None:
        """Read this partition again from `offset`, and not before so long; the others go on."""
        if part not in self.assigned:
            return
        try:
            self.consumer.seek(TopicPartition(*part, offset))
            self.consumer.pause([TopicPartition(*part)])
        except KafkaException as error:  # it is just going to another worker, who reads on from what is committed
            log.info("stream_not_held_back", part=part, error=error_name(error))
            return
        self.waiting[part] = monotonic() + seconds

    def hold_all(self, seconds: float) -> None:
        """Wait, and stay a member of the group: paused partitions give nothing, and polling shows that we live."""
        self.holding = True
        self._pause(self.assigned)
        deadline = monotonic() + seconds
        try:
            while not self.stop.is_set() and (left := deadline - monotonic()) > 0:
                self.health.turned(len(self.assigned))
                message = self.consumer.poll(min(left, LOOK_SECONDS))
                if message is not None and self._usable(message):  # newly ours: read it in its turn
                    self.consumer.seek(TopicPartition(*place_of(message)))
        finally:
            self.holding = False
            self._resume(self.assigned - self.waiting.keys())

    def passed(self, topic: str, group: str, moment: float) -> bool:
        """Whether that group has read, and committed, all that was sent to the topic before `moment` (since 1970).

        In all partitions, whichever worker has them, if any. It asks the brokers, so it is for rare cases, and asks no
        more than once a second.
        """
        if moment <= self.passed_until:
            return True
        if monotonic() < self.passed_ask_at:
            return False
        self.passed_ask_at = monotonic() + 1.0
        try:
            if not self._committed_beyond(topic, group, moment):
                return False
        except Exception as error:
            # Brokers that are slow, or know no topic for a moment: then nobody knows, and all wait.
            log.info("stream_group_not_asked", error=type(error).__name__)
            return False
        self.passed_until = moment
        return True

    def _committed_beyond(self, topic: str, group: str, moment: float) -> bool:
        known = self.consumer.list_topics(topic, timeout=ASK_TIMEOUT).topics[topic].partitions
        places = [TopicPartition(topic, number, int(moment * 1000)) for number in known]
        starts = self.consumer.offsets_for_times(places, timeout=ASK_TIMEOUT)
        at = committed_of(group, [TopicPartition(topic, number) for number in known])
        for start in starts:
            wanted = start.offset
            if wanted < 0:  # nothing was sent since: then up to the end
                low, wanted = self.consumer.get_watermark_offsets(TopicPartition(topic, start.partition), ASK_TIMEOUT)
                if low == wanted:  # and nothing is there
                    continue
            if at[start.partition] < wanted:
                return False
        return True

    def tell_lag(self) -> None:
        for topic, number in self.assigned:
            metrics.lag(topic, number, self._left((topic, number)))

    def close(self) -> None:
        """Leaves the group, so that the others take over at once."""
        self.consumer.close()

    def _left(self, part: Part) -> int:
        place = TopicPartition(*part)
        bounds = self.consumer.get_watermark_offsets(place, cached=True)
        [at] = self.consumer.position([place])
        if bounds is None or bounds[1] < 0 or at.offset < 0:
            return 0
        return int(bounds[1] - at.offset)

    def _usable(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.fatal():
            raise KafkaException(error)
        log.warning("stream_poll_refused", error=error.name(), topic=message.topic())
        return False

    # --- the group ------------------------------------------------------------------------------------------------
    def _on_assign(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        consumer.incremental_assign(parts)
        self.assigned |= {(part.topic, part.partition) for part in parts}
        # librdkafka remembers that a partition was paused when it left us, and would never read it again.
        (consumer.pause if self.holding else consumer.resume)(parts)
        self._changed()

    def _on_revoke(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        self.commit({})  # the last chance: whoever gets them would repeat what we did
        self._on_lost(consumer, parts)

    def _on_lost(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        gone = {(part.topic, part.partition) for part in parts}
        self.assigned -= gone
        for part in gone:
            self.waiting.pop(part, None)
            self.owed.pop(part, None)
        consumer.incremental_unassign(parts)
        self._changed()

    def _changed(self) -> None:
        metrics.rebalanced()
        metrics.assigned(self.assigned)
        log.info("stream_partitions", count=len(self.assigned))

    # --- pausing ----------------------------------------------------------------------------------------------------
    def _resume_waiting(self) -> None:
        due = [part for part, until in self.waiting.items() if monotonic() >= until]
        for part in due:
            del self.waiting[part]
        self._resume(due)

    def _pause(self, parts: Iterable[Part]) -> None:
        if places := [TopicPartition(*part) for part in parts]:
            self.consumer.pause(places)

    def _resume(self, parts: Iterable[Part]) -> None:
        if places := [TopicPartition(*part) for part in parts if part in self.assigned]:
            self.consumer.resume(places)

    # --- brokers ----------------------------------------------------------------------------------------------------
    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN and not self.away:
            self.away, self.ask_at = True, monotonic() + ASK_SECONDS
            self.health.waits("kafka")
            metrics.paused("kafka", True)
        if error.code() not in QUIET:
            log.warning("stream_kafka_says", error=error.name())

    def _ask(self) -> None:
        """librdkafka reconnects by itself and does not say so."""
        if monotonic() < self.ask_at:
            return
        self.ask_at = monotonic() + ASK_SECONDS
        try:
            self.consumer.list_topics(timeout=ASK_TIMEOUT)
        except KafkaException:
            return
        self.away = False
        self.health.goes_on("kafka")
        metrics.paused("kafka", False)
        log.info("stream_kafka_back")


def place_of(message: Message) -> tuple[str, int, int]:
    """A message that was polled without an error has all three, which its type does not say."""
    return cast("tuple[str, int, int]", (message.topic(), message.partition(), message.offset()))
