"""The activity page's socket: arriving payments and refreshed figures, for people who may see payments."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any
from urllib.parse import parse_qs

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings

from apps.payments.live.messages import activity_group, latest
from apps.payments.live.tiles import tiles_cached
from kivendtout.lib.live import SIGNED_OUT, SocketRefused, viewer_tenant

PERMISSION = "payments.view_payment"
# How often the right to look is checked again and the figures are sent.
ROUND_SECONDS = 5.0
# The latest payments are read at most this often per socket, however often the browser asks.
RESUME_SECONDS = 1.0

log = structlog.get_logger(__name__)


class ActivityConsumer(AsyncJsonWebsocketConsumer):
    tenant_id: int = 0
    group: str = ""
    language: str = ""
    next_resume: float = 0.0
    rounds: asyncio.Task[None] | None = None
    resuming: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:  # also when Redis ends it, which nobody calls disconnect() for
            for task in (self.rounds, self.resuming):
                if task:
                    task.cancel()

    async def connect(self) -> None:
        await self.accept()
        try:
            self.tenant_id = await self._viewer_tenant()
        except SocketRefused as refused:
            await self.close(code=refused.code)
            return
        asked = parse_qs(self.scope["query_string"].decode("latin-1")).get("language", [""])[0]
        self.language = asked if asked in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        self.group = activity_group(self.tenant_id, self.language)
        await self.channel_layer.group_add(self.group, self.channel_name)
        self.rounds = asyncio.create_task(self._go_round())

    async def disconnect(self, code: int) -> None:
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        asked = isinstance(content, dict) and content.get("type") == "resume"
        # One at a time: whoever asks meanwhile gets the answer that is on its way.
        if asked and self.group and self.resuming is None:
            self.resuming = asyncio.create_task(self._resume())

    async def payments_arrived(self, event: dict[str, Any]) -> None:
        await self.send_json(event["message"])

    async def _resume(self) -> None:
        await asyncio.sleep(max(0.0, self.next_resume - monotonic()))
        self.next_resume = monotonic() + RESUME_SECONDS
        try:
            message = await database_sync_to_async(latest)(self.tenant_id, self.language)
        except Exception as error:
            # No answer would leave the page waiting for one: it comes back and asks again.
            log.warning("live_resume_failed", error=type(error).__name__)
            await self.close(code=1011)
            return
        self.resuming = None  # before the answer leaves: it may be asked again as soon as it is there
        await self.send_json(message)

    async def _go_round(self) -> None:
        while True:
            try:
                if await self._viewer_tenant() != self.tenant_id:
                    raise SocketRefused(SIGNED_OUT)
                tiles = await database_sync_to_async(tiles_cached)(self.tenant_id, self.language)
                await self.send_json({"type": "stats", "tiles": tiles})
            except SocketRefused as refused:
                await self.channel_layer.group_discard(self.group, self.channel_name)
                await self.close(code=refused.code)
                return
            except Exception as error:
                # The database may be away for a moment; the next round finds out.
                log.warning("live_round_failed", error=type(error).__name__)
            await asyncio.sleep(ROUND_SECONDS)

    async def _viewer_tenant(self) -> int:
        return await database_sync_to_async(viewer_tenant)(self.scope["session"].session_key, PERMISSION)
