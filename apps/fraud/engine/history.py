"""What is known of the entities of a payment when it is judged: logs of single payments, and counts per period.

A log holds one tuple a payment, in the order of (event time, short key of the payment's id), which is a total order:
"earlier" means smaller in it, whatever came in first. Tuples instead of objects, because windows walk over them for
every payment scored: a thousand rows cost some 60 µs this way, five times that with attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
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


class Past(Protocol):
    """What features ask of one entity before one payment. `Earlier` counts it from a log's rows; a replay of years of
    history keeps it counted as payments pass (`state/history_state.py`)."""

    count: int
    """Rows that are kept one by one."""
    folded: Folded

    def windows(self, own: int) -> Sequence[float | int]:
        """Attempts, successes, failures and euros of each of the five windows; `own` are the payment's cents."""

    def distinct(self, position: int, own: bytes, empty: bytes) -> list[int]:
        """How many different keys stand there within an hour, a day, a week and 30 days, `own` among them."""

    def totals(self) -> tuple[int, int, int]:
        """Payments with an amount in euros, their sum and sum of squares in cents, the folded ones too."""

    def larger(self, window: int, cents: int) -> int:
        """Payments of that window, by its place among the five, of more than `cents`."""

    def successes(self) -> int: ...

    def met(self, position: int, key: bytes) -> bool: ...

    def first_at(self) -> int | None: ...

    def last(self, position: int) -> Any:
        """Of the last row. There must be one."""


Slot = tuple[int, int, int, int, int]
Sums = tuple[int, int, int, int]
MINUTES: Final = 0
HOURS: Final = 1
DAYS: Final = 2


class Counts(Protocol):
    """Counts of one merchant in whole minutes, hours or days: (period number, attempts, successes, failures, cents)."""

    def between(self, which: int, first: int, current: int) -> list[Slot]:
        """The periods from `first` up to, and without, `current`. Those with a method `sums` add them up."""


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

    customer: Log | Past
    device: Log | Past | None = None
    card: Log | Past | None = None
    ip: Log | Past | None = None
    merchant: Counts | None = None
    customer_verdicts: list[Verdict] = []
    device_verdicts: list[Verdict] = []
    card_verdicts: list[Verdict] = []
    merchant_verdicts: list[Verdict] = []
    visit: Visit | None = None


NOTHING_KNOWN: Final = History(customer=Log([], NO_FOLD))
