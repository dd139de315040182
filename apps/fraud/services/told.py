"""After a commit: open pages hear of payments and alerts, from a thread of its own so that nobody waits for it."""

from __future__ import annotations

from functools import cache
from queue import Full, Queue
from threading import Thread
from typing import Final

import structlog
from django.db import close_old_connections

from apps.fraud.services.intake_batch import News
from apps.payments.live.messages import push_payments

# Pages that miss one ask for the latest anyway; a push that waits for seconds is of no use to them.
MOST_WAITING: Final = 50

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


def _run(queue: Queue[News]) -> None:
    while True:
        news = queue.get()
        try:
            close_old_connections()
            push_payments(tenant_id=news.tenant_id, ids=news.payments)
        except Exception as error:
            log.warning("live_push_failed", error=type(error).__name__)
