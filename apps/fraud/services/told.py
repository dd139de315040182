"""After a commit: open pages hear of payments and alerts, from a thread of its own so that nobody waits for it."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from queue import Empty, Full, Queue
from threading import Thread
from time import sleep
from typing import Final

import structlog
from django.db import close_old_connections

from apps.fraud.services.intake_batch import News
from apps.payments.live.messages import push_payments

# Gathered for so long before they are told: an eye sees no difference, and a busy API tells four times a second
# instead of a hundred.
GATHER_SECONDS: Final = 0.25
# As many rows as the page holds; older ones would leave it at once.
MOST_TOLD: Final = 50
MOST_WAITING: Final = 5_000

log = structlog.get_logger(__name__)


def tell(news: News) -> None:
    if not news.payments:
        return
    try:
        _teller().put_nowait(news)
    except Full:
        log.warning("live_push_skipped", payments=len(news.payments))


@cache
def _teller() -> Queue[News]:
    queue: Queue[News] = Queue(MOST_WAITING)
    Thread(target=_run, args=(queue,), name="teller", daemon=True).start()
    return queue


os.register_at_fork(after_in_child=_teller.cache_clear)


def _run(queue: Queue[News]) -> None:
    while True:
        gathered: dict[int, list[int]] = {}
        _add(gathered, queue.get())
        sleep(GATHER_SECONDS)
        with suppress(Empty):
            while True:
                _add(gathered, queue.get_nowait())
        for tenant_id, payments in gathered.items():
            _push(tenant_id, payments[-MOST_TOLD:])


def _add(gathered: dict[int, list[int]], news: News) -> None:
    gathered.setdefault(news.tenant_id, []).extend(news.payments)


def _push(tenant_id: int, payments: list[int]) -> None:
    try:
        close_old_connections()
        push_payments(tenant_id=tenant_id, ids=payments)
    except Exception as error:
        log.warning("live_push_failed", error=type(error).__name__)
