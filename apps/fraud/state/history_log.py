"""One entity's payments in a replay: the bytes of the layout, and beside them what features ask, kept counted.

A payment scored live reads a log once and counts its rows. A replay asks each log hundreds of times, so here sums run
along with the rows and a window is a difference of two of them. Answers are those of `Earlier` on the same rows;
whatever is not a plain "this payment comes after all that is known" is answered by `Earlier` itself.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from apps.fraud.engine.event import NOTHING
from apps.fraud.engine.features.case import SPANS
from apps.fraud.engine.features.distinct import NO_COUNTRY
from apps.fraud.engine.history import (
    AT,
    CARD,
    COUNTRY,
    DEVICE,
    FAILED,
    IP,
    MERCHANT,
    NO_FOLD,
    PAYER,
    STATUS,
    SUCCESS,
    Folded,
    Log,
)
from apps.fraud.state.keys import KEPT_ROWS, MOST_ROWS
from apps.fraud.state.layout import ROW, folded_log, read_log

# Where keys lie in a packed row, by their position in an unpacked one.
_LONG_AT: Final = {DEVICE: 25, CARD: 33, IP: 41, MERCHANT: 49, COUNTRY: 57}
LATEST: Final = {
    "customer": tuple((at, NO_COUNTRY if at == COUNTRY else NOTHING) for at in (DEVICE, CARD, IP, MERCHANT, COUNTRY)),
    **dict.fromkeys(("device", "card", "ip"), ((PAYER, NOTHING),)),
}
# Successes and failures run in one number: a log has far fewer rows than 32 bits hold.
_HALF: Final = 32
_LOW: Final = (1 << _HALF) - 1
_STEP: Final = {SUCCESS: 1, FAILED: 1 << _HALF}
_FROM_AN_HOUR: Final = SPANS[1:]
NOBODY: Final = [0] * len(_FROM_AN_HOUR)
ITSELF: Final = [1] * len(_FROM_AN_HOUR)


class HistoryLog:
    __slots__ = (
        "_at", "_cents", "_latest", "_most", "_results", "_starts", "_times", "count", "folded", "head", "last_at",
        "owner", "pack", "packed", "priced", "squares",
    )  # fmt: skip

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.pack = ROW[owner].pack
        self.folded: Folded = NO_FOLD
        # Bytes that the fold takes in the layout: a log is folded by its length in bytes.
        self.head = 4
        self._count_anew([])

    @property
    def rows(self) -> list[Any]:
        return list(ROW[self.owner].iter_unpack(self.packed))

    def plain(self) -> Log:
        return Log(self.rows, self.folded)

    def overflows(self) -> bool:
        """Would one row more make it fold?"""
        return self.count >= self._most

    # -- what is told --

    def put(self, row: tuple[Any, ...]) -> str:
        """`new`, `changed` by a result, or `known`."""
        if row[AT] > self.last_at and self.count < self._most:
            self.packed += self.pack(*row)
            self._count_row(row)
            return "new"
        return self._put_between(row)

    def _put_between(self, row: tuple[Any, ...]) -> str:
        if self.folded.count and row[AT] <= self.folded.upto:
            return "known"
        rows, fate = self.rows, "new"
        at = bisect_left(rows, row[:2])
        if at < len(rows) and rows[at][:2] == row[:2]:
            if row[STATUS] <= rows[at][STATUS]:
                return "known"
            rows[at], fate = (*rows[at][:STATUS], row[STATUS], *rows[at][STATUS + 1 :]), "changed"
        else:
            rows.insert(at, row)
        size = ROW[self.owner].size
        if len(rows) * size + self.head > MOST_ROWS[self.owner] * size:
            # Through the bytes of the layout: one way to fold, so one result.
            value = folded_log(self.owner, Log(rows, self.folded), KEPT_ROWS[self.owner])
            rows, self.folded = read_log(self.owner, value)
            self.head = len(value) - len(rows) * size
        self._count_anew(rows)
        return fate

    def _count_anew(self, rows: list[Any]) -> None:
        size = ROW[self.owner].size
        self._most = (MOST_ROWS[self.owner] * size - self.head) // size
        self.packed = bytearray().join(ROW[self.owner].pack(*row) for row in rows)
        self.count, self.last_at = 0, -1
        self.priced, self.squares = 0, 0
        self._times, self._cents, self._results = array("q"), array("q", (0,)), array("q", (0,))
        self._latest: dict[int, dict[bytes, int]] = {}
        for row in rows:
            self._count_row(row)

    def _count_row(self, row: tuple[Any, ...]) -> None:
        at, _id, cents, status = row[:4]
        self._times.append(at)
        if cents >= 0:
            self.priced += 1
            self.squares += cents * cents
            self._cents.append(self._cents[-1] + cents)
        else:
            self._cents.append(self._cents[-1])
        self._results.append(self._results[-1] + _STEP.get(status, 0))
        for position, empty in LATEST[self.owner]:
            if (key := row[position]) != empty:
                latest = self._latest.get(position)
                if latest is None:
                    latest = self._latest[position] = {}
                else:
                    latest.pop(key, None)  # to the end: the newest last
                latest[key] = at
        self.count += 1
        self.last_at = at

    # -- what is asked, of a payment after all rows --

    def ask(self, at: int) -> HistoryLog:
        self._at = at
        times, end = self._times, self.count
        starts = []
        for span in SPANS:
            first = at - span
            if end and times[end - 1] >= first:
                end = bisect_left(times, first, 0, end)
            starts.append(end)
        self._starts = starts
        return self

    def windows(self, own: int) -> Sequence[float | int]:
        cents, results, count = self._cents, self._results, self.count
        all_cents, all_results = cents[count] + own, results[count]
        out: list[float | int] = []
        for start in self._starts:
            if start == count:
                out += (1, 0, 0, own / 100)
            else:
                ended = all_results - results[start]
                out += (count - start + 1, ended & _LOW, ended >> _HALF, (all_cents - cents[start]) / 100)
        return out

    def distinct(self, position: int, own: bytes, empty: bytes) -> list[int]:
        latest = self._latest.get(position)
        met = 0 if own == empty else 1
        if not latest:
            return ITSELF if met else NOBODY
        out: list[int] = []
        spans = iter(_FROM_AN_HOUR)
        first = self._at - next(spans)
        for key, at in reversed(latest.items()):
            while at < first:
                out.append(met)
                if len(out) == len(_FROM_AN_HOUR):
                    return out
                first = self._at - next(spans)
            if key != own:
                met += 1
        return out + [met] * (len(_FROM_AN_HOUR) - len(out))

    def totals(self) -> tuple[int, int, int]:
        folded = self.folded
        return folded.priced + self.priced, folded.cents + self._cents[-1], folded.squares + self.squares

    def larger(self, window: int, cents: int) -> int:
        summed, start = self._cents, self._starts[window]
        if summed[self.count] - summed[start] <= cents:
            return 0  # not even all of them together
        return sum(1 for before, after in pairwise(summed[start:]) if after - before > cents)

    def successes(self) -> int:
        return self.folded.successes + (self._results[-1] & _LOW)

    def met(self, position: int, key: bytes) -> bool:
        latest = self._latest.get(position)
        return (latest is not None and key in latest) or (position, key) in self.folded.seen

    def first_at(self) -> int | None:
        if self.folded.count:
            return self.folded.first_at
        return self._times[0] if self.count else None

    def last(self, position: int) -> Any:
        if position == AT:
            return self.last_at
        start = _LONG_AT[position] - ROW[self.owner].size
        return bytes(self.packed[start : start + 8])
