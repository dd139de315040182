"""One payment with what is known before it: what every feature is computed from, prepared once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from operator import mul
from typing import Any, Final
from zoneinfo import ZoneInfo

from apps.fraud.engine.event import Facts, payment_key
from apps.fraud.engine.history import FAILED, ID, SUCCESS, UNKNOWN_CENTS, History, Log, Past

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
# The windows that logs are looked at through, shortest first.
WINDOWS: Final = (("10m", 10 * MINUTE), ("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY))
SPANS: Final = tuple(span for _name, span in WINDOWS)
NO_ROWS: Final = ((),) * 9


class Earlier:
    """A log's rows before the payment, by column, and where each window begins in them: `Past`, for rows.

    Columns because counting and summing a slice of a tuple is one step of C: with a loop over rows, a payment's
    features took three times as long.
    """

    __slots__ = ("columns", "count", "folded", "starts")

    def __init__(self, log: Log, order: tuple[int, bytes]) -> None:
        rows = log.rows
        # Nearly always nothing is later, and the payment's own row is the last one.
        if rows and rows[-1][:2] >= order:
            rows = rows[: bisect_left(rows, order)]
        columns: tuple[tuple[Any, ...], ...] = tuple(zip(*rows, strict=True)) if rows else NO_ROWS
        if order[1] in columns[ID]:
            # Told before, of an earlier time: PostgreSQL failed after state was told, and the payment was sent again.
            rows = [row for row in rows if row[ID] != order[1]]
            columns = tuple(zip(*rows, strict=True)) if rows else NO_ROWS
        self.folded = log.folded
        self.count = len(rows)
        self.columns = columns
        times = self.columns[0]
        self.starts = [bisect_left(times, order[0] - span) for span in SPANS] if rows else [0] * len(SPANS)

    def windows(self, own: int) -> Sequence[float | int]:
        if not self.count:
            return (1, 0, 0, own / 100) * len(SPANS)
        _at, _id, cents, status = self.columns[:4]
        out: list[float | int] = []
        for start in self.starts:
            results, amounts = status[start:], cents[start:]
            # An amount that is not known stands as -1.
            money = sum(amounts) + amounts.count(UNKNOWN_CENTS) + own
            out += (len(results) + 1, results.count(SUCCESS), results.count(FAILED), money / 100)
        return out

    def distinct(self, position: int, own: bytes, empty: bytes) -> list[int]:
        column, end = self.columns[position], self.count
        met, out = {own}, list[int]()
        met.discard(empty)
        for start in self.starts[1:]:  # the windows from an hour on; each holds the one before
            met.update(column[start:end])
            met.discard(empty)
            out.append(len(met))
            end = start
        return out

    def totals(self) -> tuple[int, int, int]:
        folded, amounts = self.folded, self.columns[2]
        unknown = amounts.count(UNKNOWN_CENTS)  # each stands as -1, whose square is 1
        return (
            folded.priced + self.count - unknown,
            folded.cents + sum(amounts) + unknown,
            folded.squares + sum(map(mul, amounts, amounts)) - unknown,
        )

    def larger(self, window: int, cents: int) -> int:
        return sum(1 for one in self.columns[2][self.starts[window] :] if one > cents)

    def successes(self) -> int:
        return self.folded.successes + self.columns[3].count(SUCCESS)

    def met(self, position: int, key: bytes) -> bool:
        return key in self.columns[position] or (position, key) in self.folded.seen

    def first_at(self) -> int | None:
        if self.folded.count:
            return self.folded.first_at
        return self.columns[0][0] if self.count else None

    def last(self, position: int) -> Any:
        return self.columns[position][-1]


# Each zone's clock has stood still within quarters of an hour of UTC for decades; before, the quarter is not asked.
QUARTER: Final = 900
SETTLED: Final = 946_684_800  # 2000-01-01


@lru_cache(maxsize=4_096)
def _local(start: int, zone: ZoneInfo) -> tuple[int, int]:
    moment = datetime.fromtimestamp(start, zone)
    return moment.hour, moment.isoweekday()


def local_hour(at: int, zone: ZoneInfo) -> tuple[int, int]:
    """Hour and weekday (1 Monday to 7 Sunday) where the zone is."""
    seconds = at // SECOND
    return _local(seconds - seconds % QUARTER if seconds >= SETTLED else seconds, zone)


class Case:
    """`history` is None when feature state did not answer: then everything that looks back is missing."""

    __slots__ = ("_earlier", "_order", "at", "cents", "facts", "history", "hour", "weekday")

    def __init__(self, facts: Facts, history: History | None, zone: ZoneInfo) -> None:
        self.facts = facts
        self.history = history
        self.at = facts.at
        self.cents = facts.euro_cents
        self.hour, self.weekday = local_hour(facts.at, zone)
        self._earlier: dict[str, Past | None] = {}
        self._order: tuple[int, bytes] | None = None

    @property
    def order(self) -> tuple[int, bytes]:
        if self._order is None:  # a replay seldom needs it
            self._order = (self.at, payment_key(self.facts.payment_id))
        return self._order

    def earlier(self, owner: str) -> Past | None:
        """What came before this payment: not itself, and not what happened later but was told already.

        None where the payment names no such entity, or nothing is known.
        """
        if owner in self._earlier:
            return self._earlier[owner]
        log: Log | Past | None = getattr(self.history, owner, None)
        found: Past | None = Earlier(log, self.order) if isinstance(log, Log) else log
        self._earlier[owner] = found
        return found
