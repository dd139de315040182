"""One append-only file of record batches, with a sparse index that is rebuilt by reading the headers."""

import mmap
import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from pathlib import Path

from .batch import HEADER_SIZE, Batch, first_record_at, is_intact, read_header, whole_batches

# An index entry every 4 KiB of log: small in memory, and a look-up reads at most that much too much.
_INDEX_EVERY_BYTES = 4096
_SCAN_BYTES = 65536


class Segment:
    def __init__(self, directory: Path, base_offset: int) -> None:
        self.path = directory / f"{base_offset:020d}.log"
        self.base_offset = base_offset
        self.next_offset = base_offset
        self.max_timestamp = -1
        self.size = 0
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._offsets: list[int] = []
        self._positions: list[int] = []
        self._max_before: list[int] = []  # the newest time before each entry; it only grows, so it can be bisected

    def recover(self, seen: Callable[[Batch], None]) -> int:
        """Index what is there and cut a torn tail; gives the number of bytes cut."""
        on_disk = os.fstat(self._fd).st_size
        if on_disk:
            with mmap.mmap(self._fd, on_disk, access=mmap.ACCESS_READ) as data:
                batches = self._sound_batches(memoryview(data))
            for batch in batches:
                self._note(batch)
                seen(batch)
        if on_disk > self.size:
            os.ftruncate(self._fd, self.size)
        return on_disk - self.size

    @staticmethod
    def _sound_batches(data: memoryview) -> list[Batch]:
        """Only the tail can be damaged by a kill or a power cut, so checksums are computed from the end backwards."""
        with data:
            found = list(whole_batches(data))
            while found and not is_intact(data, found[-1][1], found[-1][0]):
                found.pop()
            return [batch for _, batch in found]

    def _note(self, batch: Batch) -> None:
        if not self._positions or self.size - self._positions[-1] >= _INDEX_EVERY_BYTES:
            self._offsets.append(batch.base_offset)
            self._positions.append(self.size)
            self._max_before.append(self.max_timestamp)
        self.size += batch.size
        self.next_offset = batch.next_offset
        self.max_timestamp = max(self.max_timestamp, batch.max_timestamp)

    def append(self, batch: Batch, data: bytearray) -> None:
        """All of the batch or nothing: what a full disk left half-written is taken back."""
        try:
            written = 0
            while written < len(data):
                written += os.write(self._fd, memoryview(data)[written:])
        except OSError:
            os.ftruncate(self._fd, self.size)
            raise
        self._note(batch)

    def read(self, offset: int, max_bytes: int) -> bytes:
        """From the batch that holds `offset`, at least one whole batch, then as much as fits."""
        position = self._position_of(offset)
        if position is None:
            return b""
        need = max(max_bytes, self._batch_at(position).size)
        return os.pread(self._fd, min(need, self.size - position), position)

    def first_at(self, timestamp: int) -> tuple[int, int] | None:
        entry = max(bisect_left(self._max_before, timestamp) - 1, 0)
        position = self._positions[entry] if self._positions else self.size
        while position < self.size:
            batch = self._batch_at(position)
            if batch.max_timestamp >= timestamp:
                found = first_record_at(os.pread(self._fd, batch.size, position), timestamp)
                if found is not None:
                    return found
            position += batch.size
        return None

    def _position_of(self, offset: int) -> int | None:
        if not self._positions or offset >= self.next_offset:
            return None
        position = self._positions[max(bisect_right(self._offsets, offset) - 1, 0)]
        while position < self.size:
            chunk = os.pread(self._fd, _SCAN_BYTES, position)
            step = 0
            while len(chunk) - step >= HEADER_SIZE:
                batch = read_header(chunk, step)
                if offset < batch.next_offset:
                    return position + step
                step += batch.size
            position += step
        return None

    def _batch_at(self, position: int) -> Batch:
        return read_header(os.pread(self._fd, HEADER_SIZE, position))

    def close(self) -> None:
        os.close(self._fd)

    def sync(self) -> None:
        os.fsync(self._fd)

    def delete(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)
