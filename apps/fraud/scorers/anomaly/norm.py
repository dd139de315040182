"""What is usual of one field, and how many bits of surprise a value is: each bit is as rare again.

What one row in twenty shares, or goes as far as, is no surprise. What is missing is none either: a payment without a
device is not odd for it, and where absence says something, the catalogue has a feature for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.anomaly.field import Field

Floats = NDArray[np.float64]
# From a quarter or from a tenth on, the forest ranks alike; it then names fields that nobody would call odd.
NEWS: Final = 0.05
# Nine of ten lie in between: what people would call usual.
LOW, HIGH = 5, 95
# Kinds that are told by a text, and not by how much of it there is.
NAMED: Final = frozenset({"flag", "choice"})
# The commonest choices, named beside a rare one.
COMMON: Final = 3


@dataclass(frozen=True, slots=True)
class Norm:
    field: Field
    count: int
    """How many of the sample have a value."""
    sorted: Floats
    """Of an amount: all of them, in order."""
    marks: tuple[float, float, float]
    """Of an amount: the low end of the usual, the middle, the high end."""
    shares: dict[str, float]
    """By text, how many have a choice that is no commoner; of a flag, how many have it."""

    def surprise(self, values: Sequence[Value]) -> Floats:
        """Bits, by value."""
        if not self.count:
            return np.zeros(len(values))
        if self.field.kind in NAMED:
            known = {name: self._bits(share) for name, share in self.shares.items()}
            never = self._bits(0.0)
            return np.array([0.0 if one is None else known.get(str(one), never) for one in values], dtype=np.float64)
        numbers = np.array([np.nan if one is None else float(one) for one in values])
        told = np.where(np.isnan(numbers), self.marks[1], numbers)
        return np.where(np.isnan(numbers), 0.0, self._bits(self._tails(told)) + self._beyond(told))

    def share(self, value: Value) -> float:
        """Of the sample: how many go at least as far, or have something no commoner."""
        if self.field.kind in NAMED:
            return self.shares.get(str(value), 0.0)
        return float(self._tails(np.array([float(value or 0)]))[0])

    def usual(self) -> dict[str, Any]:
        if self.field.kind == "flag":
            return {}
        if self.field.kind != "choice":
            return {"low": self.marks[0], "high": self.marks[2]}
        return {"common": sorted(self.shares, key=lambda one: (-self.shares[one], one))[:COMMON]}

    def _tails(self, numbers: Floats) -> Floats:
        upto = np.searchsorted(self.sorted, numbers, side="right")
        onward = self.count - np.searchsorted(self.sorted, numbers, side="left")
        found: Floats = (onward if self.field.kind == "count" else np.minimum(upto, onward)) / self.count
        return found

    def _bits(self, share: Any) -> Any:
        """Never met counts as half a time: the sample cannot say more."""
        return np.maximum(0.0, np.log2(NEWS / np.maximum(share, 0.5 / self.count)))

    def _beyond(self, numbers: Floats) -> Floats:
        """Two values that nobody reaches are told apart by how far outside they lie, measured in usual spreads."""
        low, middle, high = self.marks
        over = np.maximum(numbers - high, 0) / ((high - middle) or 1.0)
        under = np.maximum(low - numbers, 0) / ((middle - low) or 1.0)
        found: Floats = np.log2(1.0 + over + (0.0 if self.field.kind == "count" else under))
        return found


def norm_of(field: Field, values: Sequence[Value]) -> Norm:
    told = [value for value in values if value is not None]
    if field.kind in NAMED:
        return Norm(field, len(told), np.empty(0), (0.0, 0.0, 0.0), _shares(field, told))
    numbers = np.sort(np.array([float(one) for one in told]))
    low, middle, high = np.percentile(numbers, [LOW, 50, HIGH]) if told else (0.0, 0.0, 0.0)
    return Norm(field, len(told), numbers, (float(low), float(middle), float(high)), {})


def _shares(field: Field, told: Sequence[Value]) -> dict[str, float]:
    times = Counter(str(one) for one in told)
    if field.kind == "flag":
        return {"True": times["True"] / max(len(told), 1), "False": 1.0}
    no_commoner = Counter[int]()
    for count in times.values():
        no_commoner[count] += count
    upto = {count: sum(no_commoner[other] for other in no_commoner if other <= count) for count in no_commoner}
    return {name: upto[count] / len(told) for name, count in times.items()}
