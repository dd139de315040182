"""Which payments open pages have yet to hear of, and when: soon when little happens, seldom when much does."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Final

import structlog

from apps.payments.live.messages import push_payments

# As many rows as a page holds; older ones would leave it at once.
MOST_PUSHED: Final = 100
# A push reads and words a hundred payments in each language, some 30 ms. It may take a tenth of the time: under load
# that is a few a second, which is what an eye can follow, and the processor is for decisions.
SHARE: Final = 0.1

log = structlog.get_logger(__name__)


class Pages:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: dict[int, list[int]] = {}
        self.rest_until = 0.0

    def note(self, payments: dict[int, list[int]]) -> None:
        with self.lock:
            for tenant_id, ids in payments.items():
                self.waiting[tenant_id] = [*self.waiting.get(tenant_id, []), *ids][-2 * MOST_PUSHED :]

    def wait(self, seconds: float) -> float:
        """How long a relay may sleep: not beyond the moment at which waiting pages are due."""
        return min(seconds, max(self.rest_until - monotonic(), 0.005)) if self.waiting else seconds

    def push(self) -> None:
        if monotonic() < self.rest_until:
            return
        with self.lock:
            waiting, self.waiting = self.waiting, {}
        if not waiting:
            return
        began = monotonic()
        for tenant_id, ids in waiting.items():
            try:
                push_payments(tenant_id=tenant_id, ids=sorted(set(ids))[-MOST_PUSHED:])
            except Exception as error:
                log.warning("stream_push_failed", error=type(error).__name__)
        spent = monotonic() - began
        self.rest_until = began + spent / SHARE
