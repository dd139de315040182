"""Live pushes: group names, sending from synchronous code, and the origin check for sockets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import validate_host

log = structlog.get_logger(__name__)


def tenant_group(kind: str, tenant_id: int) -> str:
    return f"{kind}.{tenant_id}"


def push(group: str, message: dict[str, Any]) -> bool:
    """Send to every socket of the group. A dead Redis costs the liveness, never the caller's work."""
    try:
        async_to_sync(get_channel_layer().group_send)(group, message)
    except Exception as error:
        log.warning("live_push_failed", group=group, error=type(error).__name__)
        return False
    return True


class SameSiteOrigins:
    """Only pages of our own hosts may open a socket; the port may differ, since sockets have their own."""

    def __init__(self, application: Callable[..., Awaitable[Any]]) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"").decode("latin-1")
        hostname = urlsplit(origin).hostname or ""
        if hostname and validate_host(f"[{hostname}]" if ":" in hostname else hostname, settings.ALLOWED_HOSTS):
            return await self.application(scope, receive, send)
        return await WebsocketDenier()(scope, receive, send)
