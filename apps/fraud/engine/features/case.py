"""One payment with what is known before it: what every feature is computed from, prepared once."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from apps.fraud.engine.event import Facts, payment_key
from apps.fraud.engine.history import ID, History, Log

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
# The windows that logs are looked at through, shortest first.
WINDOWS: Final = (("10m", 10 * MINUTE), ("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY))
SPANS: Final = tuple(span for _name, span in WINDOWS)
NO_ROWS: Final = ((),) * 9


class Earlier:
    """A log's rows before the payment, by column, and where each window begins in them.

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


class Case:
    """`history` is None when feature state did not answer: then everything that looks back is missing."""

    __slots__ = ("_earlier", "at", "cents", "facts", "history", "local", "order")

    def __init__(self, facts: Facts, history: History | None, zone: ZoneInfo) -> None:
        self.facts = facts
        self.history = history
        self.at = facts.at
        self.order = (facts.at, payment_key(facts.payment_id))
        self.cents = facts.euro_cents
        self.local = datetime.fromtimestamp(facts.at // SECOND, zone)
        self._earlier: dict[str, Earlier] = {}

    def earlier(self, owner: str) -> Earlier | None:
        """What came before this payment: not itself, and not what happened later but was told already.

        None where the payment names no such entity, or nothing is known.
        """
        if (found := self._earlier.get(owner)) is not None:
            return found
        log: Log | None = getattr(self.history, owner, None)
        if log is None:
            return None
        found = self._earlier[owner] = Earlier(log, self.order)
        return found
