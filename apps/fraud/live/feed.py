"""A tenant's alerts for all sockets of a process: read once, in order, and handed to each."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

import structlog

from apps.fraud.live.groups import alerts_group
from apps.fraud.selectors.alert_feed import Told, alerts_changed, alerts_number
from apps.fraud.services.alert_changes import alert_changes_number
from kivendtout.lib.live_hub import hub
from kivendtout.lib.live_threads import FEED, asked

# Changes in one message: some 100 kB, written within a few milliseconds.
PAGE: Final = 200
# Without a push, the database is asked this often: nothing is missed for longer, Redis or not.
ROUND_SECONDS = 5.0
RETRY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Follower(Protocol):
    language: str

    def hear(self, body: Any) -> None: ...


class AlertFeed:
    def __init__(self, tenant_id: int) -> None:
        self.tenant_id = tenant_id
        self.last = 0
        """Number of the last change handed out."""
        self.followers: set[Follower] = set()
        self.woken = asyncio.Event()
        self.ready: asyncio.Task[None] | None = None
        self.running: asyncio.Task[None] | None = None

    async def join(self, follower: Follower) -> None:
        """From here on it hears every change after `last`."""
        self.followers.add(follower)
        if self.ready is None or (self.ready.done() and self.ready.exception()):  # the database may be back
            self.ready = asyncio.create_task(self._start())
        await asyncio.shield(self.ready)

    def leave(self, follower: Follower) -> None:
        self.followers.discard(follower)
        if not self.followers:
            hub().leave(alerts_group(self.tenant_id), self)
            for task in (self.ready, self.running):
                if task is not None:
                    task.cancel()
            self.ready = self.running = None

    def hear(self, number: int) -> None:
        if number > self.last:
            self.woken.set()

    async def _start(self) -> None:
        # Listening before the number is read: what is told in between wakes it.
        await hub().follow(alerts_group(self.tenant_id), self)
        self.last = await asked(FEED, alerts_number, self.tenant_id)
        self.running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        # A task that waits for a thread may outlive its cancelling: two of them would hand out everything twice.
        while self.running is asyncio.current_task():
            woken = False
            try:
                async with asyncio.timeout(ROUND_SECONDS):
                    woken = await self.woken.wait()
            except TimeoutError:
                pass
            self.woken.clear()
            try:
                if not woken:  # should no stream worker be there to number them, alerts are only late
                    await asked(FEED, alert_changes_number)
                await self._catch_up()
            except Exception as error:
                log.warning("alert_feed_failed", tenant=self.tenant_id, error=type(error).__name__)
                self.woken.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _catch_up(self) -> None:
        while True:
            languages = {one.language for one in self.followers}
            after = self.last
            told = await asked(
                FEED, alerts_changed, tenant_id=self.tenant_id, after=after, limit=PAGE, languages=languages
            )
            if told is None or self.last != after:
                return
            # A number is visible with all before it, so what is not there has been deleted: no hole.
            page = Told(self.last + 1, told.last, told.count, told.texts)
            self.last = told.last
            for follower in list(self.followers):
                follower.hear(page)
            if told.count < PAGE:
                return


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, AlertFeed]] = WeakKeyDictionary()


def feed_of(tenant_id: int) -> AlertFeed:
    """This event loop's."""
    feeds = _feeds.setdefault(asyncio.get_running_loop(), {})
    return feeds.setdefault(tenant_id, AlertFeed(tenant_id))
