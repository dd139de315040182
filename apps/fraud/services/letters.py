"""Dead letters read from their topics, by a consumer that belongs to no group and moves no offset, and sent again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

import structlog
from django.conf import settings
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from apps.fraud.services.dead_letters import Sent
from apps.fraud.services.letter import CODES, Letter, Place
from kivendtout.lib.errors import InvalidInput, NotFound
from kivendtout.lib.kafka import DEAD_LETTERS, TENANT_HEADER, KafkaUnavailable, connection_options, make_producer
from kivendtout.lib.redact import CARD_REMOVED
from kivendtout.lib.trace import HEADER, parse_traceparent

# Of each topic, the newest letters only: some seconds of reading, whatever went wrong for how long.
MOST_READ: Final = 100_000
POLL_MS: Final = 500
# A broker that gives nothing for so long, where it said that there is something, is taken for away.
SILENCE_SECONDS: Final = 15.0
ASK_MS: Final = 5_000
ACK_SECONDS: Final = 10
MOST_RETRIES: Final = 9_999
LEAVE_SECONDS: Final = 1
# A message is given up before its claim is let go: kept in the producer's memory, it would go out once more beside the
# next attempt.
DELIVERY: Final = {"request_timeout_ms": 4_000, "delivery_timeout_ms": 8_000}

log = structlog.get_logger(__name__)


class LetterNotFound(NotFound):
    code = "dead_letter_not_found"
    message = "There is no dead letter at %(place)s. `dlq list --all` shows those that are there."


class UnknownTopic(InvalidInput):
    code = "unknown_topic"
    message = "There is no topic %(topic)r. The topics are: %(topics)s."


def topic_named(name: str) -> str:
    """The topic whose dead letters are meant, given by its own name or by theirs."""
    topic = name.removesuffix(DEAD_LETTERS)
    if topic not in settings.TOPICS:
        raise UnknownTopic(topic=topic[:80], topics=", ".join(settings.TOPICS))
    return topic


@contextmanager
def letters_reader() -> Iterator[LettersReader]:
    try:
        consumer = KafkaConsumer(
            **connection_options(), group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
        )
    except KafkaError as error:
        raise KafkaUnavailable from error
    try:
        yield LettersReader(consumer)
    except KafkaError as error:
        raise KafkaUnavailable from error
    finally:
        consumer.close()


class LettersReader:
    def __init__(self, consumer: KafkaConsumer) -> None:
        self.consumer = consumer
        self.skipped = 0
        """Letters older than the newest `MOST_READ` of their partition."""

    def read(self, topics: Sequence[str], *, most: int = MOST_READ, values: bool = False) -> Iterator[Letter]:
        """Up to what is there now, oldest first in each partition; with their values only where those are needed."""
        there = self.consumer.topics()
        for topic in topics:
            name = f"{topic}{DEAD_LETTERS}"
            if name not in there:
                continue
            for part in sorted(self.consumer.partitions_for_topic(name) or ()):
                first, end = self._bounds(TopicPartition(name, part))
                start = max(first, end - most)
                self.skipped += start - first
                yield from self._between(TopicPartition(name, part), start, end, values)

    def find(self, place: Place) -> list[Letter]:
        """The letter at the place; or, for the place of a message, all that were made of it, newest first."""
        topic = topic_named(place.topic)
        if place.topic == topic:
            wanted = str(place)
            found = [one for one in self.read([topic], values=True) if one.source == wanted]
        else:
            found = list(self._at(place))
        if not found:
            raise LetterNotFound(place=place)
        return found[::-1]

    def _at(self, place: Place) -> Iterator[Letter]:
        part = TopicPartition(place.topic, place.partition)
        if place.partition in (self.consumer.partitions_for_topic(place.topic) or ()):
            first, end = self._bounds(part)
            if first <= place.offset < end:
                found = self._between(part, place.offset, place.offset + 1, True)
                # An offset that is no message any more, such as one that was compacted away, gives the next one.
                yield from (letter for letter in found if letter.place.offset == place.offset)

    def _bounds(self, part: TopicPartition) -> tuple[int, int]:
        first = self.consumer.beginning_offsets([part], timeout_ms=ASK_MS)[part]
        return first, self.consumer.end_offsets([part], timeout_ms=ASK_MS)[part]

    def _between(self, part: TopicPartition, start: int, end: int, values: bool) -> Iterator[Letter]:
        if start >= end:
            return
        self.consumer.assign([part])
        self.consumer.seek(part, start)
        heard = monotonic()
        # By position, not by what was read: a partition may end with marks that are no messages.
        while self.consumer.position(part) < end:
            records = self.consumer.poll(timeout_ms=POLL_MS).get(part, [])
            for record in records:
                if record.offset >= end:
                    return
                yield letter_of(record, values=values)
            if records:
                heard = monotonic()
            elif monotonic() - heard > SILENCE_SECONDS:
                raise KafkaUnavailable


def header_of(headers: Sequence[tuple[str, bytes | None]], name: str) -> bytes:
    return next((value or b"" for found, value in headers if found == name), b"")


def retries_of(headers: Sequence[tuple[str, bytes | None]]) -> int:
    """Senders may write anything there: what is no small number counts as none."""
    said = header_of(headers, "retries")[:5]
    return min(int(said), MOST_RETRIES) if said.isdigit() else 0


def letter_of(record: Any, *, values: bool = True) -> Letter:
    headers, value = record.headers or (), record.value or b""
    trace = header_of(headers, HEADER)
    code = _text(headers, "code")
    masked = _text(headers, "masked") or ("value" if CARD_REMOVED.encode() in value else "")
    size = _text(headers, "bytes")
    return Letter(
        place=Place(record.topic, record.partition, record.offset),
        stamped_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        topic=record.topic.removesuffix(DEAD_LETTERS),
        code=code if code in CODES else "",
        reason=_text(headers, "reason"),
        source=_text(headers, "source"),
        tenant=_text(headers, TENANT_HEADER),
        trace_id=parse_traceparent(trace) or "",
        traceparent=trace,
        failed_at=_text(headers, "failed_at"),
        retries=retries_of(headers),
        masked=masked,
        cut=_text(headers, "cut"),
        size=int(size) if size.isascii() and size.isdigit() else len(value),
        key=record.key,
        value=value if values else b"",
    )


def _text(headers: Sequence[tuple[str, bytes | None]], name: str) -> str:
    """Printable, whoever wrote it: a terminal obeys control characters."""
    text = header_of(headers, name).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text)


@contextmanager
def letters_sender(*, tenant: str = "") -> Iterator[Any]:
    """What sends letters to where they were to be read. `tenant` stands in for the one that a message did not name."""
    producer = make_producer(**DELIVERY)
    try:
        yield lambda letters: _send(producer, letters, tenant)
    finally:
        _leave(producer)


def _leave(producer: KafkaProducer) -> None:
    """Drop what was not acknowledged, and end. kafka-python's own close waits for it, for ever if it must."""
    if (sender := producer._sender) is not None:
        sender.force_close()
    with suppress(KafkaError):
        producer.close(timeout=LEAVE_SECONDS)


def _send(producer: KafkaProducer, letters: Sequence[Letter], tenant: str) -> list[Sent]:
    futures: list[tuple[Letter, Any]] = []
    try:
        for letter in letters:
            headers = _headers(letter, tenant)
            futures.append((letter, producer.send(letter.topic, key=letter.key, value=letter.value, headers=headers)))
        producer.flush(timeout=ACK_SECONDS)
    except KafkaError as error:
        log.warning("dead_letters_not_taken", error=type(error).__name__, sent=len(futures), of=len(letters))
    return [Sent(letter, _place(future)) for letter, future in futures if future.succeeded()]


def _place(future: Any) -> str:
    told = future.value
    return str(Place(told.topic, told.partition, told.offset))


def _headers(letter: Letter, tenant: str) -> list[tuple[str, bytes]]:
    headers = [("retries", str(letter.retries + 1).encode())]
    if slug := tenant or letter.tenant:
        headers.append((TENANT_HEADER, slug.encode()))
    return [*headers, (HEADER, letter.traceparent)] if letter.trace_id else headers
