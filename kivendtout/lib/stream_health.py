"""What a stream worker's loop says of itself, for whoever asks from another thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final, Literal, TypedDict

State = Literal["starting", "consuming", "waiting", "stopped"]
# From best to worst: a worker is what the worst of its loops is.
ORDER: Final[tuple[State, ...]] = ("consuming", "starting", "waiting", "stopped")
# A batch takes a second at most, and waiting for a store still turns every second. A first batch that makes partitions
# and keys, and a producer that hangs until its acknowledgement is given up (10 s), must not get a worker restarted.
STUCK_SECONDS: Final = 60.0


class Report(TypedDict):
    state: State
    waiting_for: list[str]
    partitions: int
    last_turn_seconds: float


class StreamHealth:
    """One thread writes, others read: each attribute is replaced as a whole, so no lock is needed."""

    def __init__(self, *, stuck_after: float = STUCK_SECONDS, clock: Callable[[], float] = monotonic) -> None:
        self.stuck_after, self.clock = stuck_after, clock
        self.turned_at = clock()
        self.partitions = 0
        self.waiting_for: frozenset[str] = frozenset()
        self.state: State = "starting"

    def turned(self, partitions: int | None = None) -> None:
        """At each turn of the loop, and at each look while it waits: it lives."""
        self.turned_at = self.clock()
        if partitions is not None:
            self.partitions = partitions
        self.state = "waiting" if self.waiting_for else "consuming"

    def waits(self, dependency: str) -> None:
        self.waiting_for |= {dependency}
        self.turned()

    def goes_on(self, dependency: str) -> None:
        self.waiting_for -= {dependency}
        self.turned()

    def stopped(self) -> None:
        self.state, self.partitions, self.waiting_for = "stopped", 0, frozenset()

    @property
    def seconds_since_turn(self) -> float:
        return self.clock() - self.turned_at

    @property
    def alive(self) -> bool:
        """Waiting is alive: a restart would not bring the database back, and would move partitions about."""
        return self.state != "stopped" and self.seconds_since_turn < self.stuck_after

    def report(self) -> Report:
        seconds = round(self.seconds_since_turn, 1)
        return Report(
            state=self.state,
            waiting_for=sorted(self.waiting_for),
            partitions=self.partitions,
            last_turn_seconds=seconds,
        )


def worker_report(loops: Mapping[str, StreamHealth]) -> dict[str, object]:
    """All loops as one, the worst of each figure, then each of them."""
    each = {name: one.report() for name, one in loops.items()}
    return {
        "state": max((one["state"] for one in each.values()), key=ORDER.index),
        "waiting_for": sorted({name for one in each.values() for name in one["waiting_for"]}),
        "partitions": sum(one["partitions"] for one in each.values()),
        "last_turn_seconds": max(one["last_turn_seconds"] for one in each.values()),
        "loops": each,
    }
