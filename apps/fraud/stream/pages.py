"""What open pages hear: changes of alerts at once, payments soon when little happens and seldom when much does.

In a thread of its own, so that neither waits for Kafka's acknowledgements.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

import structlog

from apps.fraud.stream.rounds import go_round
from apps.payments.live.messages import push_payments

# As many rows as a page holds; older ones would leave it at once.
MOST_PUSHED: Final = 100
# Payments between their decision and its publication: some seconds' worth.
MOST_NOTED: Final = 10_000
# What the API decided, or a person, is looked for so often; a look is one indexed query.
TICK: Final = 0.1
# A push reads and words a hundred payments in each language, some 30 ms. It may take a tenth of the time: under load
# that is a few a second, which is what an eye can follow, and the processor is for decisions.
SHARE: Final = 0.1
# … nor more rows a second than this: a browser takes a millisecond to draw one, and nobody reads that fast.
ROWS_A_SECOND: Final = 250

log = structlog.get_logger(__name__)


class Pages:
    """Payments that open pages have yet to hear of."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: dict[int, list[int]] = {}
        self.noted: dict[int, None] = {}
        """The newest of them, in order."""
        self.rest_until = 0.0

    def note(self, payments: dict[int, list[int]]) -> None:
        with self.lock:
            for tenant_id, ids in payments.items():
                newest = ids[-MOST_PUSHED:]
                self.waiting[tenant_id] = [*self.waiting.get(tenant_id, []), *newest][-2 * MOST_PUSHED :]
                self.noted |= dict.fromkeys(newest)
            if len(self.noted) > MOST_NOTED:
                self.noted = dict.fromkeys([*self.noted][-MOST_NOTED // 2 :])

    def note_published(self, payments: dict[int, list[int]]) -> None:
        """What the stream decided was noted when it was; this is how pages hear of what the API decided."""
        self.note({tenant_id: new for tenant_id, ids in payments.items() if (new := [*set(ids) - self.noted.keys()])})

    def wait(self, seconds: float) -> float:
        """How long the teller may rest: not beyond the moment at which waiting pages are due."""
        return min(seconds, max(self.rest_until - monotonic(), 0.005)) if self.waiting else seconds

    def push(self) -> None:
        if monotonic() < self.rest_until:
            return
        with self.lock:
            waiting, self.waiting = self.waiting, {}
        if not waiting:
            return
        began, most = monotonic(), max(map(len, waiting.values()))
        for tenant_id, ids in waiting.items():
            try:
                push_payments(tenant_id=tenant_id, ids=sorted(set(ids))[-MOST_PUSHED:])
            except Exception as error:
                log.warning("stream_push_failed", error=type(error).__name__)
        spent = monotonic() - began
        self.rest_until = began + max(spent / SHARE, min(most, MOST_PUSHED) / ROWS_A_SECOND)


class Teller:
    """`turn` tells all that is due; `run` goes on doing it until told to stop."""

    def __init__(self, stop: threading.Event, *, tell_alerts: Callable[[], object] = lambda: None) -> None:
        self.stop, self.tell_alerts = stop, tell_alerts
        self.pages, self.woken = Pages(), threading.Event()

    def wake(self, recorded: dict[int, list[int]]) -> None:
        """From another thread: something was committed, and these payments are new or moved."""
        self.pages.note(recorded)
        self.woken.set()

    def published(self, payments: dict[int, list[int]]) -> None:
        self.pages.note_published(payments)
        self.woken.set()

    def turn(self) -> None:
        self.tell_alerts()
        self.pages.push()

    def run(self) -> None:
        go_round("teller", self.turn, stop=self.stop, woken=self.woken, rest=lambda: self.pages.wait(TICK))
