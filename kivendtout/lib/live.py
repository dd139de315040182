"""Live pushes: group names, numbers, sending from synchronous code, and who may open and keep a socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.contrib.auth import get_user
from django.core.cache import cache
from django.http import HttpRequest
from django.http.request import validate_host

# Close codes. The page says which of the two it is, instead of trying for ever.
SIGNED_OUT = 4401
REFUSED = 4403

log = structlog.get_logger(__name__)


class SocketRefused(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def viewer_tenant(session_key: str | None, permission: str) -> int:
    """The tenant whose data this session may watch now. The session is read afresh: it may have ended since."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)  # nobody for people who are no longer active, or whose password has changed
    if not user.is_authenticated:
        raise SocketRefused(SIGNED_OUT)
    if not user.has_perm(permission):
        raise SocketRefused(REFUSED)
    return int(user.tenant_id)


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
        if _is_ours(origin):
            return await self.application(scope, receive, send)
        return await WebsocketDenier()(scope, receive, send)


def _is_ours(origin: str) -> bool:
    try:
        hostname = urlsplit(origin).hostname or ""
    except ValueError:  # such as "http://["
        return False
    return bool(hostname) and validate_host(f"[{hostname}]" if ":" in hostname else hostname, settings.ALLOWED_HOSTS)
