"""A merchant's counts in a replay: running sums per minute, hour and day, so that a window is a difference of two."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import Final

from apps.fraud.engine.history import Slot, Sums
from apps.fraud.state.layout import RINGS

_HALF: Final = 32
_LOW: Final = (1 << _HALF) - 1
_PERIODS: Final = tuple(period for period, _kept in RINGS)
NONE: Final[Sums] = (0, 0, 0, 0)


class _Level:
    """Periods in the order of time. Position n of a running sum is what came before period n; one more is the whole."""

    __slots__ = ("attempts", "cents", "kept", "numbers", "results")

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self.numbers = array("q")
        self.attempts, self.results, self.cents = array("q", (0,)), array("q", (0,)), array("q", (0,))

    def count(self, number: int, new: int, results: int, cents: int) -> None:
        numbers = self.numbers
        if numbers and number < numbers[-1]:
            self._count_between(number, new, results, cents)
        elif numbers and number == numbers[-1]:
            self.attempts[-1] += new
            self.results[-1] += results
            self.cents[-1] += cents
        elif new:
            numbers.append(number)
            self.attempts.append(self.attempts[-1] + new)
            self.results.append(self.results[-1] + results)
            self.cents.append(self.cents[-1] + cents)
            if numbers[0] <= number - self.kept:
                self._forget(number - self.kept)

    def _count_between(self, number: int, new: int, results: int, cents: int) -> None:
        """Late, or a result of earlier: all sums behind it move."""
        at = bisect_left(self.numbers, number)
        if self.numbers[at] != number:
            if not new or number <= self.numbers[-1] - self.kept:
                return
            self.numbers.insert(at, number)
            for sums in (self.attempts, self.results, self.cents):
                sums.insert(at, sums[at])
        for sums, more in ((self.attempts, new), (self.results, results), (self.cents, cents)):
            for n in range(at + 1, len(sums)):
                sums[n] += more

    def _forget(self, upto: int) -> None:
        stale = bisect_left(self.numbers, upto + 1)
        for column in (self.numbers, self.attempts, self.results, self.cents):
            del column[:stale]

    def sums(self, first: int, current: int) -> Sums:
        numbers = self.numbers
        if not numbers or numbers[-1] < first:
            return NONE
        end = len(numbers) if numbers[-1] < current else bisect_left(numbers, current)
        start = bisect_left(numbers, first, 0, end)
        results = self.results[end] - self.results[start]
        attempts = self.attempts[end] - self.attempts[start]
        return attempts, results & _LOW, results >> _HALF, self.cents[end] - self.cents[start]


class HistoryRing:
    __slots__ = ("levels",)

    def __init__(self) -> None:
        self.levels = tuple(_Level(kept) for _period, kept in RINGS)

    def count(self, at: int, *, new: bool, good: int, bad: int, cents: int) -> None:
        seconds, results, attempts = at // 1_000_000, good | bad << _HALF, int(new)
        for period, level in zip(_PERIODS, self.levels, strict=True):
            level.count(seconds // period, attempts, results, cents)

    def sums(self, which: int, first: int, current: int) -> Sums:
        return self.levels[which].sums(first, current)

    def between(self, which: int, first: int, current: int) -> list[Slot]:
        level = self.levels[which]
        found = [number for number in level.numbers if first <= number < current]
        return [(number, *level.sums(number, number + 1)) for number in found]
