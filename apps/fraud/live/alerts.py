"""The alerts' socket: every change in order, once, from wherever a page left off.

`?after=N` is the last number the page has seen. It is told what came after it, or, when that is too much or too long
ago, `reset` with the list as it is now.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, Final

import msgspec
from channels.db import database_sync_to_async

from apps.fraud.live.feed import PAGE, AlertFeed, feed_of
from apps.fraud.selectors.alert_feed import Told, alerts_anew, alerts_changed, alerts_number
from kivendtout.lib.live_socket import LiveConsumer

# Further behind, a list of twenty is quicker to read, and to show, than what became of it.
MOST_BEHIND: Final = 1_000
# A list is asked for after ten alerts were judged; nobody judges faster.
LIST_SECONDS: Final = 1.0
LONGEST_NUMBER: Final = 18  # digits of a bigint, and one to spare


class AlertsConsumer(LiveConsumer):
    permission = "fraud.view_fraudalert"
    feed: AlertFeed | None = None
    last: int = 0
    """Number of the last change said."""
    anew: bool = False
    """Asked for the list: said between two pages, so that number and list go together."""
    next_list: float = 0.0

    async def begin(self) -> None:
        assert self.viewer is not None
        self.feed = feed_of(self.viewer.tenant_id)
        await self.feed.join(self)
        asked = self.asked("after")
        known = asked.isascii() and asked.isdigit() and len(asked) <= LONGEST_NUMBER
        self.last = int(asked) if known else self.feed.last
        latest = await self._latest()
        await self.say(msgspec.json.encode({"type": "hello", "number": latest}).decode())
        if self.last > latest:  # a number that was never given: the page is not of this world, or of this database
            await self._reset()

    def leave(self) -> None:
        if self.feed is not None:
            self.feed.leave(self)

    async def _latest(self) -> int:
        """A page may have been drawn a moment ago with a number that this process has yet to hear of."""
        assert self.viewer is not None and self.feed is not None
        if self.last <= self.feed.last:
            return self.feed.last
        return await database_sync_to_async(alerts_number)(self.viewer.tenant_id)

    async def deliver(self) -> None:
        assert self.feed is not None
        while True:
            if self.anew:
                self.anew = False
                await self._reset()
                continue
            # Nothing waits, and yet there is more: it was before our time, or found no room while we were slow.
            if self.waiting.empty() and self.last < self.feed.last:
                await self._resume()
                continue
            told: Told | None = await self.waiting.get()
            text = told and told.texts.get(self.language)
            if told and text and told.first == self.last + 1:
                await self.say(text)
                self.last = told.last

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """A page whose list has run short asks for the older ones behind it; at most once in a while."""
        asked = isinstance(content, dict) and content.get("type") == "list"
        if asked and self.feed is not None and monotonic() >= self.next_list:
            self.next_list = monotonic() + LIST_SECONDS
            self.anew = True
            self.hear(None)

    async def _resume(self) -> None:
        assert self.viewer is not None and self.feed is not None
        told = None
        if self.feed.last - self.last <= MOST_BEHIND:
            told = await database_sync_to_async(alerts_changed)(
                tenant_id=self.viewer.tenant_id, after=self.last, limit=PAGE, languages=[self.language]
            )
        if told is None or told.first != self.last + 1:
            await self._reset()
            return
        await self.say(told.texts[self.language])
        self.last = told.last

    async def _reset(self) -> None:
        assert self.viewer is not None
        number, text = await database_sync_to_async(alerts_anew)(
            tenant_id=self.viewer.tenant_id, language=self.language
        )
        await self.say(text)
        self.last = number
