"""What is known of the entities of a payment when it is judged: logs of single payments, and counts per period.

A log holds one tuple a payment, in the order of (event time, short key of the payment's id), which is a total order:
"earlier" means smaller in it, whatever came in first. Tuples instead of objects, because windows walk over them for
every payment scored: a thousand rows cost some 60 µs this way, five times that with attributes.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Protocol

from msgspec import Struct

# Positions in a log's tuples. A customer's log has all of them, the others end with who paid.
AT: Final = 0
ID: Final = 1
CENTS: Final = 2
STATUS: Final = 3
PAYER: Final = 4  # in the logs of devices, cards and addresses
DEVICE: Final = 4  # in a customer's log, from here on
CARD: Final = 5
IP: Final = 6
MERCHANT: Final = 7
COUNTRY: Final = 8

UNKNOWN_CENTS: Final = -1
SUCCESS: Final = 1
FAILED: Final = 2

Row = tuple[int, bytes, int, int, bytes, bytes, bytes, bytes, bytes]
ShortRow = tuple[int, bytes, int, int, bytes]


class Folded(Struct, frozen=True):
    """The part of a log that was too long to keep row by row. Counts and first sights stay exact; windows lose it."""

    upto: int = 0
    """Time of the last row folded in. A payment not after it comes too late to change anything."""
    first_at: int = 0
    count: int = 0
    successes: int = 0
    priced: int = 0
    """How many had an amount in euros, and their sum and sum of squares in cents."""
    cents: int = 0
    squares: int = 0
    seen: tuple[tuple[int, bytes], ...] = ()
    """(position, key) of devices, addresses, merchants, countries … met in what was folded, the latest met last."""


NO_FOLD: Final = Folded()


class Log(NamedTuple):
    rows: list[Any]  # of Row or ShortRow: the entity decides
    folded: Folded


Slot = tuple[int, int, int, int, int]
MINUTES: Final = 0
HOURS: Final = 1
DAYS: Final = 2


class Counts(Protocol):
    """Counts of one merchant in whole minutes, hours or days: (period number, attempts, successes, failures, cents)."""

    def between(self, which: int, first: int, current: int) -> list[Slot]:
        """The periods from `first` up to, and without, `current`."""


class Ring(NamedTuple):
    minutes: list[Slot]
    hours: list[Slot]
    days: list[Slot]

    def between(self, which: int, first: int, current: int) -> list[Slot]:
        return [slot for slot in self[which] if first <= slot[0] < current]


# (known at, short key of the payment, is it a fraud?), in the order of time.
Verdict = tuple[int, bytes, int]


class Visit(NamedTuple):
    """What a visitor did up to the payment. Only live state knows it; it is not made again from what is stored."""

    first_at: int
    events: int
    products: int
    step: int
    cart_changes: int


class History(NamedTuple):
    """None where the payment names no such entity."""

    customer: Log
    device: Log | None = None
    card: Log | None = None
    ip: Log | None = None
    merchant: Counts | None = None
    customer_verdicts: list[Verdict] = []
    device_verdicts: list[Verdict] = []
    card_verdicts: list[Verdict] = []
    merchant_verdicts: list[Verdict] = []
    visit: Visit | None = None


NOTHING_KNOWN: Final = History(customer=Log([], NO_FOLD))
