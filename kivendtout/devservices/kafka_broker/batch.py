"""Record batches (message format 2): the header is read, the records inside stay as the producer packed them."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import calc_crc32c

from .codes import Code, RefusedError

_HEADER = struct.Struct(">qiibIhiqqqhii")
HEADER_SIZE = _HEADER.size
LENGTH_END = 12  # the length field counts the bytes after itself: base offset (8) and length (4) come before
_CRC_START = 21  # the checksum covers everything from the attributes on, so the offset can be set without redoing it
_PLACE = struct.Struct(">q")
_EPOCH = struct.Struct(">i")
_TRANSACTIONAL, _CONTROL = 0x10, 0x20


class Batch(NamedTuple):
    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    records: int

    @property
    def size(self) -> int:
        return self.length + LENGTH_END

    @property
    def next_offset(self) -> int:
        return self.base_offset + self.last_offset_delta + 1

    @property
    def last_sequence(self) -> int:
        return (self.base_sequence + self.last_offset_delta) & 0x7FFFFFFF  # sequences wrap after 2^31 - 1


def read_header(data: bytes | memoryview, position: int = 0) -> Batch:
    return Batch._make(_HEADER.unpack_from(data, position))


def whole_batches(data: bytes | memoryview, start: int = 0) -> Iterator[tuple[int, Batch]]:
    """Position and header of each batch that is wholly there; stops at the first that is torn or is no batch."""
    position, end = start, len(data)
    while end - position >= HEADER_SIZE:
        batch = read_header(data, position)
        if batch.magic != 2 or batch.size < HEADER_SIZE or position + batch.size > end:
            return
        yield position, batch
        position += batch.size


def is_intact(data: bytes | memoryview, batch: Batch, position: int = 0) -> bool:
    return bool(calc_crc32c(memoryview(data)[position + _CRC_START : position + batch.size]) == batch.crc)


def check(data: bytes | memoryview, max_bytes: int) -> Batch:
    """The one batch that a producer sent for a partition, or the reason why it is not taken."""
    if len(data) > max_bytes:
        raise RefusedError(Code.MESSAGE_TOO_LARGE, f"The batch has {len(data)} bytes; the topic takes {max_bytes}.")
    if len(data) < HEADER_SIZE:
        raise RefusedError(Code.CORRUPT_MESSAGE, "The batch is shorter than its header.")
    batch = read_header(data)
    if batch.magic != 2:
        raise RefusedError(Code.UNSUPPORTED_FOR_MESSAGE_FORMAT, "Only message format 2 is taken.")
    if batch.size != len(data):
        raise RefusedError(Code.INVALID_RECORD, "A partition takes exactly one whole batch in a request.")
    if not is_intact(data, batch):
        raise RefusedError(Code.CORRUPT_MESSAGE, "The batch does not match its checksum.")
    if batch.records < 1 or batch.last_offset_delta != batch.records - 1 or batch.attributes & _CONTROL:
        raise RefusedError(Code.INVALID_RECORD, "The batch's record count and offsets do not agree.")
    if batch.attributes & _TRANSACTIONAL:
        raise RefusedError(Code.INVALID_TXN_STATE, "This development broker has no transactions.")
    return batch


def place(data: bytes | memoryview, offset: int) -> bytearray:
    """The batch as it goes to disk: with its offset, under leader epoch 0."""
    placed = bytearray(data)
    _PLACE.pack_into(placed, 0, offset)
    _EPOCH.pack_into(placed, LENGTH_END, 0)
    return placed


def first_record_at(data: bytes, timestamp: int) -> tuple[int, int] | None:
    """Offset and time of the first record not older than `timestamp` in one batch."""
    try:
        for record in DefaultRecordBatch(data):
            if record.timestamp >= timestamp:
                return record.offset, record.timestamp
    except Exception:  # no codec for this compression here: the start of the batch is near enough, never too late
        batch = read_header(data)
        return batch.base_offset, batch.base_timestamp
    return None
