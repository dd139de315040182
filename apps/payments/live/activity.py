"""The activity page's socket: arriving payments and refreshed figures, for people who may see payments."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import structlog
from channels.db import database_sync_to_async

from apps.payments.live.messages import activity_group, latest
from apps.payments.live.tiles import tiles_cached
from kivendtout.lib.live_hub import hub
from kivendtout.lib.live_socket import LiveConsumer

# How often the figures are sent.
ROUND_SECONDS = 5.0
# The latest payments are read at most this often per socket, however often the browser asks.
RESUME_SECONDS = 1.0

log = structlog.get_logger(__name__)


class ActivityConsumer(LiveConsumer):
    permission = "payments.view_payment"
    group: str = ""
    next_resume: float = 0.0
    resuming: asyncio.Task[Any] | None = None

    async def begin(self) -> None:
        assert self.viewer is not None
        self.group = activity_group(self.viewer.tenant_id, self.language)
        await hub().follow(self.group, self)
        self.start(self._go_round())

    async def deliver(self) -> None:
        while True:
            if self.missed and self.waiting.empty():
                self.missed = False
                self._ask()
            await self.say(await self.waiting.get())

    def leave(self) -> None:
        if self.group:
            hub().leave(self.group, self)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if isinstance(content, dict) and content.get("type") == "resume" and self.group:
            self._ask()

    def _ask(self) -> None:
        # One at a time: whoever asks meanwhile gets the answer that is on its way.
        if self.resuming is None:
            self.resuming = self.start(self._resume())

    async def _resume(self) -> None:
        assert self.viewer is not None
        await asyncio.sleep(max(0.0, self.next_resume - monotonic()))
        self.next_resume = monotonic() + RESUME_SECONDS
        # If it fails, the socket is closed: no answer would leave the page waiting for one.
        message = await database_sync_to_async(latest)(self.viewer.tenant_id, self.language)
        self.resuming = None  # before the answer leaves: it may be asked again as soon as it is there
        await self.say(await self.encode_json(message))

    async def _go_round(self) -> None:
        assert self.viewer is not None
        while True:
            try:
                tiles = await database_sync_to_async(tiles_cached)(self.viewer.tenant_id, self.language)
                await self.say(await self.encode_json({"type": "stats", "tiles": tiles}))
            except OSError:
                raise
            except Exception as error:
                # The database may be away for a moment; the next round finds out.
                log.warning("live_round_failed", error=type(error).__name__)
            await asyncio.sleep(ROUND_SECONDS)
