"""How many are shown to people: the oddest only, a few a day, one of the same customer or actor in a period."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest, nsmallest
from typing import Final

DAY: Final = 86_400.0
# More than this many are never weighed against each other at once.
MOST_HELD: Final = 2_000


@dataclass(frozen=True, slots=True)
class Candidate:
    score: float
    actor: str
    """Whose: a customer, a colleague, a key, a role."""
    start: datetime
    """Of the period of which one is told."""
    place: int
    """Of the row, for whoever made the candidate."""


def daily_share(*, budget: int, rows: int, seconds: float) -> float:
    """The part of all rows that makes so many a day, when this many came in so long. A day at least."""
    return min(1.0, budget / max(rows / max(seconds / DAY, 1.0), 1.0))


def oddest(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The oddest first, one of each actor in a period. Equal scores go by time, so that runs agree."""
    best: dict[tuple[str, datetime], Candidate] = {}
    for one in candidates:
        known = best.get((one.actor, one.start))
        if known is None or one.score > known.score:
            best[one.actor, one.start] = one
    return nsmallest(MOST_HELD, best.values(), key=lambda one: (-one.score, one.start, one.actor))


class Top:
    """The best of a stream of (score, place): what is kept does not grow with it."""

    def __init__(self, most: int = MOST_HELD) -> None:
        self.most = most
        self.kept: list[tuple[float, int]] = []

    def add(self, found: Iterable[tuple[float, int]]) -> None:
        self.kept = nlargest(self.most, [*self.kept, *found])
