"""One partition: its segments, its producers, and who waits for its next batch."""

import asyncio
import logging
from pathlib import Path

from .batch import check, place
from .codes import Code, RefusedError
from .producers import Producers
from .segment import Segment

log = logging.getLogger("kafka_broker")

LATEST, EARLIEST, MAX_TIMESTAMP, EARLIEST_LOCAL = -1, -2, -3, -4


class PartitionLog:
    def __init__(self, directory: Path, segment_bytes: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.segment_bytes = segment_bytes
        self.producers = Producers()
        self.waiters: set[asyncio.Event] = set()
        self.segments = self._recover()

    def _recover(self) -> list[Segment]:
        names = sorted(self.directory.glob("*.log"))
        segments = [Segment(self.directory, int(path.stem)) for path in names] or [Segment(self.directory, 0)]
        for segment in segments:
            cut = segment.recover(lambda batch: self.producers.remember(batch, batch.base_offset))
            if cut:
                log.warning("cut a torn tail of %d bytes from %s", cut, segment.path)
        return segments

    @property
    def start_offset(self) -> int:
        return self.segments[0].base_offset

    @property
    def next_offset(self) -> int:
        return self.segments[-1].next_offset

    def append(self, data: bytes | memoryview, max_bytes: int) -> int:
        """Store a producer's batch once; gives the offset of its first record."""
        batch = check(data, max_bytes)
        stored = self.producers.stored_offset(batch)
        if stored is not None:
            return stored
        offset = self.next_offset
        try:
            self._active(batch.size).append(batch._replace(base_offset=offset), place(data, offset))
        except OSError as error:
            log.error("%s: %s", self.directory, error)
            raise RefusedError(Code.STORAGE_ERROR, f"The log could not be written: {error.strerror}.") from error
        self.producers.remember(batch, offset)
        self.wake()
        return offset

    def _active(self, incoming: int) -> Segment:
        active = self.segments[-1]
        if active.size and active.size + incoming > self.segment_bytes:
            active.sync()
            active = Segment(self.directory, active.next_offset)
            self.segments.append(active)
        return active

    def read(self, offset: int, max_bytes: int) -> bytes:
        if not self.start_offset <= offset <= self.next_offset:
            raise RefusedError(Code.OFFSET_OUT_OF_RANGE)
        for segment in reversed(self.segments):
            if segment.base_offset <= offset:
                return segment.read(offset, max_bytes)
        return b""

    def offset_for(self, timestamp: int) -> tuple[int, int]:
        """Offset and time of the first record at or after a time, or of one of the protocol's named places."""
        if timestamp == LATEST:
            return self.next_offset, -1
        if timestamp in (EARLIEST, EARLIEST_LOCAL):
            return self.start_offset, -1
        if timestamp == MAX_TIMESTAMP:
            timestamp = max(segment.max_timestamp for segment in self.segments)
        if timestamp < 0:
            return -1, -1
        for segment in self.segments:
            found = segment.first_at(timestamp) if segment.max_timestamp >= timestamp else None
            if found is not None:
                return found
        return -1, -1

    def retain(self, now_ms: int, retention_ms: int, retention_bytes: int) -> None:
        """Drop whole old segments, never the one being written."""
        total = sum(segment.size for segment in self.segments)
        while len(self.segments) > 1:
            oldest = self.segments[0]
            too_old = 0 <= retention_ms < now_ms - oldest.max_timestamp
            too_much = 0 <= retention_bytes <= total - oldest.size
            if not (too_old or too_much):
                return
            total -= oldest.size
            self.segments.pop(0).delete()

    def wake(self) -> None:
        for waiter in self.waiters:
            waiter.set()

    def close(self) -> None:
        for segment in self.segments:
            segment.sync()
            segment.close()

    def delete(self) -> None:
        for segment in self.segments:
            segment.delete()
        self.wake()
