"""Who dies when: drawn from the seed, so that kills of different things overlap as they do on a bad day."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from random import Random
from typing import Any

from tests.chaos.workers import Worker
from tests.chaos.world import SESSION_SECONDS, World

# In twenty: workers die most, as they are deployed most.
WEIGHTS = {
    "worker": 7, "frozen worker": 2, "jobs": 1, "redis, empty": 3, "redis, kept": 1, "broker": 3, "postgresql": 3,
}  # fmt: skip
KINDS = tuple(WEIGHTS)
# Longer than the group waits for a silent member: its partitions are somebody else's when it wakes up and goes on.
FREEZE = (SESSION_SECONDS + 2.0, SESSION_SECONDS + 6.0)
AWAY = (0.0, 3.0)
WATCH_SECONDS = 0.2


@dataclass
class Kill:
    at: float
    """Seconds since the load began, as for `back`."""
    kind: str
    target: str
    back: float = 0.0
    """When it was started again, or let go on. What it does from there on may take longer."""


class Kills:
    def __init__(self, world: World, *, seed: int, say: Callable[[str], None], kinds: Sequence[str] = KINDS) -> None:
        self.world, self.random, self.say, self.kinds = world, Random(f"kills-{seed}"), say, kinds
        self.began = time.monotonic()
        self.done: list[Kill] = []
        self.down: set[str] = set()
        self.lock = threading.Lock()
        self.errands: list[threading.Thread] = []
        self.faults: list[str] = []
        self.ended: Counter[str] = Counter()
        """Workers that ended without being killed."""
        self.stop = threading.Event()
        self.watch = threading.Thread(target=self._watch, name="watch", daemon=True)
        self.watch.start()

    def run(self, *, count: int, seconds: float) -> None:
        """Each kind in turn first, so that a short run has them all; then at random."""
        first = self.random.sample(self.kinds, len(self.kinds))
        gap = seconds / count
        for kind in islice(self._kinds(first), count):
            time.sleep(self.random.uniform(0, 2 * gap))
            self._one(kind)

    def _kinds(self, first: list[str]) -> Iterator[str]:
        yield from first
        for _forever in cycle([None]):
            yield self.random.choices(self.kinds, [WEIGHTS[kind] for kind in self.kinds])[0]

    def _one(self, kind: str) -> None:
        deadline = time.monotonic() + 120
        while not (found := self._free(kind)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"Nothing of the kind {kind!r} came back to be killed; see {self.world.folder}.")
            time.sleep(0.1)
        away = self.random.uniform(*(FREEZE if kind == "frozen worker" else AWAY))
        kill = Kill(round(time.monotonic() - self.began, 2), kind, found)
        with self.lock:
            self.down.add(_thing(found))
        self.done.append(kill)
        self.say(f"{kill.at:7.1f} s  {kind:<14} {found} for {away:.1f} s")
        errand = threading.Thread(target=self._carry_out, args=(kill, away), name=f"kill {found}")
        self.errands.append(errand)
        errand.start()

    def _free(self, kind: str) -> str | None:
        """Of a kind, one that is up. Of three brokers never two at once."""
        if kind == "broker":
            if "kafka" in self.down or not self.world.kafka.is_whole():
                return None
            return f"kafka-{self.random.randint(1, self.world.kafka.nodes)}"
        names = {
            "worker": [one.name for one in self.world.stream],
            "frozen worker": [one.name for one in self.world.stream],
            "jobs": ["jobs"],
            "postgresql": ["postgresql"],
        }.get(kind, ["redis"])
        free = [name for name in names if name not in self.down]
        return self.random.choice(free) if free else None

    def _carry_out(self, kill: Kill, away: float) -> None:
        try:
            self._kill(kill, away)
        except Exception as error:
            self.faults.append(f"{kill.kind}, {kill.target}: {type(error).__name__}: {error}")
        finally:
            kill.back = round(time.monotonic() - self.began, 2)
            with self.lock:
                self.down.discard(_thing(kill.target))

    def _kill(self, kill: Kill, away: float) -> None:
        world = self.world
        if kill.kind == "broker":
            node = int(kill.target.removeprefix("kafka-"))
            world.kafka.kill(node)
            time.sleep(away)
            world.kafka.bring_back(node)
        elif kill.kind == "postgresql":
            world.postgres.die()
            time.sleep(away)
            world.postgres.start()
        elif kill.kind.startswith("redis"):
            world.redis.kill()
            time.sleep(away)
            if kill.kind == "redis, empty":
                world.redis.forget()
            world.redis.start()
        else:
            self._worker(self._named(kill.target), kill.kind, away)

    def _worker(self, worker: Worker, kind: str, away: float) -> None:
        if kind == "frozen worker":
            worker.send(signal.SIGSTOP)
            time.sleep(away)
            worker.send(signal.SIGCONT)
            return
        worker.kill()
        time.sleep(away)
        worker.start()

    def _named(self, name: str) -> Worker:
        return next(one for one in self.world.workers if one.name == name)

    def settle(self) -> None:
        for errand in self.errands:
            errand.join(120)

    def _watch(self) -> None:
        """What a supervisor does: start again what ended by itself, and count it."""
        while not self.stop.wait(WATCH_SECONDS):
            with self.lock:
                self._start_what_ended()

    def _start_what_ended(self) -> None:
        for worker in self.world.workers:
            if worker.name not in self.down and (status := worker.ended_by_itself()) is not None:
                self.ended[f"{worker.name}, status {status}"] += 1
                worker.start()

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(kill) for kill in self.done]


def _thing(target: str) -> str:
    return "kafka" if target.startswith("kafka-") else target
