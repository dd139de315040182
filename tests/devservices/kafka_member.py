"""What both clients in these tests have in common: messages, waiting, and a group member in a thread."""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

PATIENCE = 45.0  # seconds; only a failing test, or a very busy machine, comes near it


class Sent(NamedTuple):
    key: str
    value: str
    partition: int | None = None
    timestamp: int | None = None


class Got(NamedTuple):
    partition: int
    offset: int
    key: str
    value: str


def wait_for(what: Callable[[], Any], sentence: str, seconds: float = PATIENCE) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:.0f} s: {sentence}")


def patiently(ask: Callable[[], Any], not_yet: Callable[[Exception], bool]) -> Any:
    """Ask again while the answer is "not yet": after a restart a coordinator first reads what was committed."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except Exception as error:
            if not not_yet(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.2)


class Member(threading.Thread):
    """A group member that polls in its own thread, as a real one would."""

    def __init__(
        self, poll: Callable[[], list[Got]], assigned: Callable[[], set[int]], close: Callable[[], None]
    ) -> None:
        super().__init__(daemon=True)
        self._poll, self._assigned, self._close = poll, assigned, close
        self.partitions: set[int] = set()
        self.got: list[Got] = []
        self.failed: Exception | None = None
        self._leave = threading.Event()
        self.start()

    def run(self) -> None:
        try:
            while not self._leave.is_set():
                self.got += self._poll()
                self.partitions = self._assigned()
            self._close()
        except Exception as error:
            self.failed = error

    def leave(self) -> None:
        self._leave.set()
        self.join(PATIENCE)
        assert self.failed is None, self.failed
