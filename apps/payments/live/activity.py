"""The activity page's socket: arriving payments and refreshed figures, for people who may see payments."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.utils import translation

from apps.payments.live.messages import activity_group, missed_payments
from apps.payments.selectors.activity import activity_tiles
from kivendtout.lib.clock import now
from kivendtout.lib.tenancy import tenant_scope

# Figures are read at most this often per socket, however fast payments arrive.
STATS_SECONDS = 5
# The page says which of the two it is, instead of trying for ever.
SIGNED_OUT = 4401
REFUSED = 4403


class ActivityConsumer(AsyncJsonWebsocketConsumer):
    tenant_id: int = 0
    group: str = ""
    language: str = ""
    stats_task: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        user = self.scope["user"]
        allowed = user.is_authenticated and await database_sync_to_async(user.has_perm)("payments.view_payment")
        await self.accept()
        if not allowed:
            await self.close(code=REFUSED if user.is_authenticated else SIGNED_OUT)
            return
        self.tenant_id = user.tenant_id
        asked = parse_qs(self.scope["query_string"].decode("latin-1")).get("language", [""])[0]
        self.language = asked if asked in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        self.group = activity_group(self.tenant_id, self.language)
        await self.channel_layer.group_add(self.group, self.channel_name)
        self.stats_task = asyncio.create_task(self._send_stats())

    async def disconnect(self, code: int) -> None:
        if self.stats_task:
            self.stats_task.cancel()
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        after = content.get("after") if isinstance(content, dict) and content.get("type") == "resume" else None
        if not self.group or not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**62:
            return
        for message in await database_sync_to_async(missed_payments)(self.tenant_id, after, self.language):
            await self.send_json(message)

    async def payments_arrived(self, event: dict[str, Any]) -> None:
        for message in event["messages"]:
            await self.send_json(message)

    async def _send_stats(self) -> None:
        while True:
            tiles = await database_sync_to_async(_tiles)(self.tenant_id, self.language)
            await self.send_json({"type": "stats", "tiles": tiles})
            await asyncio.sleep(STATS_SECONDS)


def _tiles(tenant_id: int, language: str) -> list[dict[str, Any]]:
    with tenant_scope(tenant_id), translation.override(language):
        return activity_tiles(now=now())
