"""Asking a scorer so that it can never stop a payment: whatever it does, there is an answer or there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Final

import structlog

from apps.fraud.engine.features.feature import Value
from apps.fraud.state.scorer_memory import Loaded

# A scorer answers a payment in a fifth of a millisecond and a thousand in five. Fifty times that is no answer in time.
SLOW_SECONDS: Final = 0.025
SLOW_SECONDS_A_ROW: Final = 0.000_25
# One slow answer may be the machine's fault; so many in a row are the scorer's.
SLOW_IN_A_ROW: Final = 3
# Left alone for so long after that, and after a failure: payments meanwhile do not pay for finding out.
PAUSE_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Standing:
    slow: int = 0
    closed_until: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """`probabilities` is None when the scorer did not answer; `trouble` is then why, and also told of a slow one."""

    probabilities: list[float] | None
    trouble: str = ""
    """'', 'scorer_failed' or 'scorer_slow'."""
    detail: str = ""


@dataclass
class ScorerGuard:
    clock: Callable[[], float] = monotonic
    _standings: dict[str, _Standing] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def ask(self, tenant_id: int, loaded: Loaded, rows: Sequence[Sequence[Value]]) -> Answer:
        standing = self._standing(f"{tenant_id}/{loaded.version}")
        began = self.clock()
        if began < standing.closed_until:
            return Answer(None, standing.why)
        try:
            found = loaded.scorer.probabilities(rows)
            if len(found) != len(rows) or not all(0.0 <= one <= 1.0 for one in found):
                raise ValueError("the scorer answered something that is no probability")
        except Exception as error:
            log.error("scorer_failed", tenant=tenant_id, scorer=loaded.version, exc_info=True)
            return self._close(standing, "scorer_failed", f"{type(error).__name__}: {error}"[:200])
        took = self.clock() - began
        if took <= SLOW_SECONDS + SLOW_SECONDS_A_ROW * len(rows):
            standing.slow = 0
            return Answer(found)
        standing.slow += 1
        if standing.slow < SLOW_IN_A_ROW:
            return Answer(found)
        log.error("scorer_slow", tenant=tenant_id, scorer=loaded.version, seconds=round(took, 3), rows=len(rows))
        self._close(standing, "scorer_slow", "")
        return Answer(found, "scorer_slow", f"{took * 1000:.0f} ms, {len(rows)}")

    def _standing(self, key: str) -> _Standing:
        with self._lock:
            return self._standings.setdefault(key, _Standing())

    def _close(self, standing: _Standing, why: str, detail: str) -> Answer:
        standing.closed_until, standing.why, standing.slow = self.clock() + PAUSE_SECONDS, why, 0
        return Answer(None, why, detail)


scorer_guard = ScorerGuard()
