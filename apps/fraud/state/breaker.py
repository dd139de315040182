"""A service that does not answer is left alone for a moment, so that payments do not queue up waiting for it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final, TypeVar

import structlog

R = TypeVar("R")
# Long enough to spare a service that is coming back, short enough that a blip costs a second of degraded decisions.
PAUSE_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


class Away(Exception):
    """The service did not answer, now or a moment ago."""


class Breaker:
    def __init__(
        self,
        name: str,
        *errors: type[Exception],
        clock: Callable[[], float] = monotonic,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self.name, self.errors, self.clock, self.pause = name, errors, clock, pause
        self.closed_until = 0.0
        self.is_away = False
        self.lock = Lock()

    def call(self, ask: Callable[[], R]) -> R:
        self._enter()
        try:
            answer = ask()
        except self.errors as error:
            self.closed_until = self.clock() + self.pause
            if not self.is_away:
                log.warning("service_away", service=self.name, error=type(error).__name__)
            self.is_away = True
            raise Away(self.name) from error
        if self.is_away:
            log.info("service_back", service=self.name)
        self.is_away, self.closed_until = False, 0.0
        return answer

    def _enter(self) -> None:
        with self.lock:
            now = self.clock()
            if now < self.closed_until:
                raise Away(self.name)
            if self.is_away:  # one finds out whether it is back; the others do not wait with it
                self.closed_until = now + self.pause
