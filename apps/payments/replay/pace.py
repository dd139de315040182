"""When the next message is due."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

MICROSECONDS = 1_000_000


@dataclass
class Pace:
    """At `rate` messages a second, at `speed` times real time, or (neither) as fast as it goes."""

    rate: float | None = None
    speed: float | None = None
    clock: Callable[[], float] = time.time
    started: float = 0.0
    first: int | None = None

    def start(self) -> None:
        self.started, self.first = self.clock(), None

    def due(self, at: int, sent: int) -> float:
        """Wall-clock time (seconds) at which an item of time `at` is to be sent."""
        if self.first is None:
            self.first = at
        if self.speed:
            return self.started + (at - self.first) / MICROSECONDS / self.speed
        if self.rate:
            return self.started + sent / self.rate
        return 0.0

    def told(self, at: int, *, live: bool) -> int:
        """The time that the message tells, in microseconds."""
        if not live:
            return at
        if self.speed and self.first is not None:
            return round((self.started + (at - self.first) / MICROSECONDS / self.speed) * MICROSECONDS)
        return round(self.clock() * MICROSECONDS)
