"""Live pushes: group names, numbers, sending from synchronous code, and which pages may open a socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import structlog
from channels.layers import get_channel_layer
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.core.cache import cache
from django.http.request import validate_host

log = structlog.get_logger(__name__)


def tenant_group(kind: str, tenant_id: int) -> str:
    return f"{kind}.{tenant_id}"


_failed: set[str] = set()  # names whose last push did not go out


def next_number(name: str) -> int:
    """Numbers the pushes of a name, so that a page notices that it missed one.

    After a failed push a number is left out. A Redis that lost its count starts at one again, which pages take for
    a hole too; so nothing here has to be kept safe. Raises what the cache raises when Redis is away.
    """
    key = f"live-number:{name}"
    cache.add(key, 0, timeout=None)
    return int(cache.incr(key, 2 if name in _failed else 1))


def mark_pushed(name: str, done: bool) -> None:
    if done:
        _failed.discard(name)
    else:
        _failed.add(name)


def push(group: str, body: Any) -> bool:
    """To every socket of the group, in whichever process. A dead Redis costs the liveness, never the caller's work."""
    try:
        layer: Any = get_channel_layer()
        layer.publish(group, {"group": group, "body": body})
    except Exception as error:
        log.warning("live_push_failed", group=group, error=type(error).__name__)
        return False
    return True


def listened(groups: Sequence[str]) -> list[str]:
    """Those worth writing a message for. While Redis is away all of them: the push then finds out, and says so."""
    try:
        layer: Any = get_channel_layer()
        return list(layer.listened(groups))
    except Exception:
        return list(groups)


class SameSiteOrigins:
    """Only pages of our own hosts may open a socket; the port may differ, since sockets have their own."""

    def __init__(self, application: Callable[..., Awaitable[Any]]) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"").decode("latin-1")
        if _is_ours(origin):
            return await self.application(scope, receive, send)
        return await WebsocketDenier()(scope, receive, send)


def _is_ours(origin: str) -> bool:
    try:
        hostname = urlsplit(origin).hostname or ""
    except ValueError:  # such as "http://["
        return False
    return bool(hostname) and validate_host(f"[{hostname}]" if ":" in hostname else hostname, settings.ALLOWED_HOSTS)
