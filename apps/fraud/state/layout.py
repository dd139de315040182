"""How logs, counts and verdicts lie in bytes: fixed-width rows, so that Redis appends and patches without reading them.

A log is the length of its fold (4 bytes), the fold (8 bytes of its time, then JSON), then rows. The scripts beside
write the same layout. MemoryState and RedisState share everything in this module.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

import msgspec

from apps.fraud.engine.event import RANK, Facts, payment_key, short_key
from apps.fraud.engine.features.distinct import country_key
from apps.fraud.engine.history import (
    COUNTRY,
    DEVICE,
    FAILED,
    IP,
    MERCHANT,
    NO_FOLD,
    SUCCESS,
    UNKNOWN_CENTS,
    Folded,
    History,
    Log,
    Slot,
    Verdict,
)

LONG: Final = struct.Struct(
    ">Q8sqB8s8s8s8s2s"
)  # a customer's: at, id, cents, status, device, card, ip, merchant, country
SHORT: Final = struct.Struct(">Q8sqB8s")  # at, id, cents, status, customer
VERDICT: Final = struct.Struct(">Q8sB")
SLOT: Final = struct.Struct(">IIIIq")  # period number, attempts, successes, failures, cents
ROW: Final = {"customer": LONG, "device": SHORT, "card": SHORT, "ip": SHORT}
ID_AT: Final = 8
STATUS_AT: Final = 24
# (seconds a period, periods kept): twice what the longest window over them reads, so that late events still count.
RINGS: Final = ((60, 120), (3_600, 48), (86_400, 60))
RING_BYTES: Final = SLOT.size * sum(kept for _period, kept in RINGS)
EMPTY_RING: Final = b"\0" * RING_BYTES
_SLOTS: Final = RING_BYTES // SLOT.size
_NUMBERS: Final = struct.Struct(">" + f"I{SLOT.size - 4}x" * _SLOTS)
_ENDS: Final = tuple(accumulate(kept for _period, kept in RINGS))
NO_FOLD_BYTES: Final = b"\0\0\0\0"
# What a fold remembers having met, per kind: enough for a heavy customer's devices; the newest are kept.
MOST_SEEN: Final = 256
SEEN_POSITIONS: Final = (DEVICE, IP, MERCHANT, COUNTRY)

_fold_encoder = msgspec.json.Encoder()  # JSON: a sum of squares may need more than 64 bits
_fold_decoder = msgspec.json.Decoder(Folded)


class LabelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict on a payment, and since when it is known."""

    payment_id: str
    customer: str
    device: str | None = None
    card: str | None = None
    merchant: str | None = None
    known_at: int
    is_fraud: bool


def rows_of(facts: Facts) -> tuple[bytes, bytes, bytes]:
    """The payment's short key, its row in the customer's log, its row in the other logs."""
    key, cents = payment_key(facts.payment_id), UNKNOWN_CENTS if facts.euro_cents is None else facts.euro_cents
    status = RANK[facts.status]
    others = (short_key(facts.device), short_key(facts.card), short_key(facts.ip), short_key(facts.merchant))
    long = LONG.pack(facts.at, key, cents, status, *others, country_key(facts.payment_country))
    return key, long, SHORT.pack(facts.at, key, cents, status, short_key(facts.customer))


def read_log(owner: str, value: bytes | None) -> Log:
    if not value:
        return Log([], NO_FOLD)
    length = int.from_bytes(value[:4], "big")
    rows = list(ROW[owner].iter_unpack(value[4 + length :] if length else value[4:]))
    rows.sort()
    return Log(rows, _fold_decoder.decode(value[12 : 4 + length]) if length else NO_FOLD)


def fold_upto(value: bytes) -> int:
    return int.from_bytes(value[4:12], "big") if value[:4] != NO_FOLD_BYTES else 0


class PackedRing:
    """A merchant's counts as they lie in bytes. Of 228 slots a payment reads those in its windows: unpacking all of
    them took a third of the time that a payment's features take."""

    __slots__ = ("numbers", "value")

    def __init__(self, value: bytes | None) -> None:
        self.value = value or EMPTY_RING
        self.numbers = _NUMBERS.unpack(self.value)

    def between(self, which: int, first: int, current: int) -> list[Slot]:
        end = _ENDS[which]
        start = end - RINGS[which][1]
        live = [at for at, number in enumerate(self.numbers[start:end], start) if first <= number < current]
        return [SLOT.unpack_from(self.value, at * SLOT.size) for at in live]


@lru_cache(maxsize=4096)
def read_verdicts(value: bytes | None) -> list[Verdict]:
    """Cached: a merchant's verdicts change daily and are read with each payment. Callers do not change the list."""
    rows = sorted(VERDICT.iter_unpack(value)) if value else []
    return [(at, key, fraud) for at, key, fraud in rows]


def folded_log(owner: str, log: Log, kept: int) -> bytes:
    """The same log with all but its newest rows counted instead of kept."""
    cut = len(log.rows) - kept
    while 0 < cut < len(log.rows) and log.rows[cut][0] == log.rows[cut - 1][0]:
        cut += 1  # rows of one instant stay together: `upto` is a time
    fold = _fold(owner, log.folded, log.rows[:cut]) if cut > 0 else log.folded
    packed = b"".join(ROW[owner].pack(*row) for row in log.rows[max(cut, 0) :])
    if not fold.count:
        return NO_FOLD_BYTES + packed
    header = fold.upto.to_bytes(8, "big") + _fold_encoder.encode(fold)
    return len(header).to_bytes(4, "big") + header + packed


def _fold(owner: str, fold: Folded, old: list[Any]) -> Folded:
    priced = [row[2] for row in old if row[2] >= 0]
    seen = dict.fromkeys(fold.seen)
    if owner == "customer":
        for met in ((at, row[at]) for row in old for at in SEEN_POSITIONS if row[at].strip(b"\0")):
            seen.pop(met, None)  # to the end: who is met again is not forgotten before whoever was not
            seen[met] = None
    return Folded(
        upto=old[-1][0],
        first_at=fold.first_at if fold.count else old[0][0],
        count=fold.count + len(old),
        successes=fold.successes + sum(1 for row in old if row[3] == SUCCESS),
        priced=fold.priced + len(priced),
        cents=fold.cents + sum(priced),
        squares=fold.squares + sum(cents * cents for cents in priced),
        seen=tuple(seen)[-MOST_SEEN:],
    )


def ring_counts(status: int) -> tuple[int, int]:
    return int(status == SUCCESS), int(status == FAILED)


def read_history(named: Sequence[object], told: Sequence[bytes | None]) -> History:
    """`named`: customer, device, card, address, merchant, None where the payment names none.

    `told`: their logs, the merchant's counts, then the verdicts on customer, device, card and merchant.
    """
    customer, device, card, ip = (
        None if name is None else read_log(owner, value) for owner, name, value in zip(ROW, named, told, strict=False)
    )
    assert customer is not None
    ring = None if named[4] is None else PackedRing(told[4])
    of_customer, of_device, of_card, of_merchant = (read_verdicts(value or b"") for value in told[5:9])
    return History(customer, device, card, ip, ring, of_customer, of_device, of_card, of_merchant)
