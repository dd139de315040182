"""Who may open a socket and keep it: asked when it opens, the moment rights change, and every few seconds besides."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from hashlib import blake2b
from importlib import import_module
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

import structlog
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from kivendtout.lib.live import push
from kivendtout.lib.live_hub import hub
from kivendtout.lib.live_threads import RIGHTS as RIGHTS_THREAD
from kivendtout.lib.live_threads import asked

# Close codes. The page says which of the two it is, instead of trying for ever.
SIGNED_OUT = 4401
REFUSED = 4403
RIGHTS = "rights"
# The safety net: a change that nobody announces (SQL, a bulk update, Redis away) ends a socket within so long.
ROUND_SECONDS = 5.0

log = structlog.get_logger(__name__)


class SocketRefused(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Viewer(NamedTuple):
    user_id: int
    tenant_id: int


Answer = Viewer | SocketRefused


def viewer_now(session_key: str | None, permission: str) -> Viewer:
    """Who watches through this session, and whose data. The session is read afresh: it may have ended since."""
    [answer] = viewers_now([(session_key, permission)]).values()
    if isinstance(answer, SocketRefused):
        raise answer
    return answer


def viewers_now(sockets: Iterable[tuple[str | None, str]]) -> dict[tuple[str | None, str], Answer]:
    """By session and permission; the sockets of one page share a session, which is read once for all of them."""
    people: dict[str | None, Any] = {}
    found: dict[tuple[str | None, str], Answer] = {}
    for key, permission in sockets:
        if key not in people:
            people[key] = _person(key)
        found[key, permission] = _answer(people[key], permission)
    return found


def _person(session_key: str | None) -> Any:
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    return get_user(request)  # nobody for people who are no longer active, or whose password has changed


def _answer(person: Any, permission: str) -> Answer:
    if not person.is_authenticated:
        return SocketRefused(SIGNED_OUT)
    if not person.has_perm(permission):
        return SocketRefused(REFUSED)
    return Viewer(int(person.pk), int(person.tenant_id))


def session_mark(session_key: str | None) -> str:
    """Names a session to other processes without letting anybody who overhears it use it."""
    return blake2b((session_key or "").encode(), digest_size=12).hexdigest()


def rights_changed(*, user_id: int | None = None, session_key: str | None = None) -> None:
    """Sockets of this person, of this session, or of everybody are checked now."""
    push(RIGHTS, {"user": user_id, "session": session_mark(session_key) if session_key else None})


class Guarded(Protocol):
    """A socket, as its warden sees it."""

    session_key: str | None
    permission: str
    viewer: Viewer | None

    async def end(self, code: int) -> None: ...


class Warden:
    """Checks all sockets of the process together."""

    def __init__(self) -> None:
        self.sockets: set[Guarded] = set()
        self.named: set[Guarded] = set()
        """To be checked now; the others wait for the round."""
        self.woken = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.ending: set[asyncio.Task[None]] = set()

    async def watch(self, socket: Guarded) -> None:
        self.sockets.add(socket)
        if self.task is None:
            self.task = asyncio.create_task(self._go_round())
        await hub().follow(RIGHTS, self)

    def release(self, socket: Guarded) -> None:
        self.sockets.discard(socket)
        self.named.discard(socket)

    def hear(self, body: Any) -> None:
        self.named |= {socket for socket in self.sockets if _concerns(body, socket)}
        if self.named:
            self.woken.set()

    async def _go_round(self) -> None:
        loop = asyncio.get_running_loop()
        next_round = loop.time() + ROUND_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(next_round):
                    await self.woken.wait()
            except TimeoutError:
                self.named |= self.sockets
            if loop.time() >= next_round:
                next_round = loop.time() + ROUND_SECONDS
            self.woken.clear()
            asked, self.named = self.named, set()
            try:
                await self._check(asked)
            except Exception as error:
                # The database may be away for a moment, and gives nobody anything then; the next round finds out.
                log.warning("live_rights_not_checked", error=type(error).__name__)

    async def _check(self, sockets: set[Guarded]) -> None:
        if not sockets:
            return
        answers = await asked(RIGHTS_THREAD, viewers_now, {(one.session_key, one.permission) for one in sockets})
        for socket in sockets & self.sockets:
            answer = answers[socket.session_key, socket.permission]
            if isinstance(answer, SocketRefused):
                self._end(socket, answer.code)
            elif socket.viewer is not None and socket.viewer != answer:
                self._end(socket, SIGNED_OUT)

    def _end(self, socket: Guarded, code: int) -> None:
        """Not waited for: a client that does not read would keep the others' check waiting."""
        task = asyncio.create_task(socket.end(code))
        self.ending.add(task)
        task.add_done_callback(self.ending.discard)


def _concerns(body: dict[str, Any], socket: Guarded) -> bool:
    if body["session"] is not None:
        return bool(body["session"] == session_mark(socket.session_key))
    return body["user"] is None or socket.viewer is None or socket.viewer.user_id == body["user"]


_wardens: WeakKeyDictionary[asyncio.AbstractEventLoop, Warden] = WeakKeyDictionary()


def warden() -> Warden:
    """This event loop's."""
    return _wardens.setdefault(asyncio.get_running_loop(), Warden())
