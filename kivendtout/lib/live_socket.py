"""What live sockets share: who may have one, and a client that does not read harms nobody but itself."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings

from kivendtout.lib.live_rights import SocketRefused, Viewer, viewer_now, warden

# Messages that wait for a client. A page that reads takes each within milliseconds; one that does not is told later
# what it missed, from the database.
WAITING = 64
# A client that takes nothing for so long is let go of; it may come back and ask for what it missed.
STUCK_SECONDS = 30.0

log = structlog.get_logger(__name__)


class ClientGone(OSError):
    """The socket is over."""


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """A subclass names its permission, and says what it does once it is open (`begin`) and over (`leave`)."""

    channel_layer_alias = "none"  # one ear a process, not one a socket: see live_hub
    permission: str = ""
    viewer: Viewer | None = None
    session_key: str | None = None
    language: str = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.waiting: asyncio.Queue[Any] = asyncio.Queue(WAITING)
        self.missed = self.ended = False
        self.tasks: set[asyncio.Task[Any]] = set()
        self.let_go = asyncio.Event()
        main = asyncio.create_task(super().__call__(scope, receive, send))
        stuck = asyncio.create_task(self.let_go.wait())
        try:
            await asyncio.wait({main, stuck}, return_when=asyncio.FIRST_COMPLETED)
            if main.done():
                main.result()
        finally:  # also when the server ends it, which nobody calls disconnect() for
            for task in (main, stuck):
                task.cancel()
            self.over()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        try:
            content = json.loads(text_data or "")
        except (ValueError, RecursionError):
            return
        await self.receive_json(content)

    # --- for subclasses -----------------------------------------------------------------------------------------------
    async def begin(self) -> None:
        """The socket is open, and its viewer may look."""

    async def deliver(self) -> None:
        """Take from `waiting` and say it, for ever."""

    def leave(self) -> None:
        """The socket is over; called once or more."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """What a browser says that nobody asked for is ignored."""

    # --- what they call -----------------------------------------------------------------------------------------------
    def hear(self, body: Any) -> None:
        """Never waits. What finds no room is dropped, and `missed` says so."""
        try:
            self.waiting.put_nowait(body)
        except asyncio.QueueFull:
            self.missed = True

    async def say(self, text: str) -> None:
        if self.ended:  # a task that waited for the database may outlive its cancelling
            raise ClientGone
        try:
            async with asyncio.timeout(STUCK_SECONDS):
                await self.send(text_data=text)
        except TimeoutError:
            log.info("live_client_stuck", path=self.scope["path"])
            self.let_go.set()
            raise  # an OSError, like a client that has gone

    def start(self, work: Any) -> asyncio.Task[Any]:
        """In the background, until the socket is over. A failure closes it: the page comes back and asks again."""
        task = asyncio.create_task(self._work(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _work(self, work: Any) -> None:
        try:
            await work
        except OSError:  # the client has gone
            self.over()
        except Exception as error:
            log.warning("live_socket_failed", path=self.scope["path"], error=type(error).__name__)
            await self.end(1011)

    # --- life ---------------------------------------------------------------------------------------------------------
    async def connect(self) -> None:
        await self.accept()
        self.session_key = self.scope["session"].session_key
        asked = self.asked("language")
        self.language = asked if asked in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        self.start(self._open())

    def asked(self, name: str) -> str:
        query: str = self.scope["query_string"].decode("latin-1")
        return parse_qs(query).get(name, [""])[0]

    async def _open(self) -> None:
        # Watched before it is asked: a right that is taken meanwhile is noticed by one or the other.
        await warden().watch(self)
        try:
            self.viewer = await database_sync_to_async(viewer_now)(self.session_key, self.permission)
        except SocketRefused as refused:
            await self.end(refused.code)
            return
        if self.ended:
            return
        await self.begin()
        self.start(self.deliver())

    async def end(self, code: int) -> None:
        self.over()
        try:
            async with asyncio.timeout(STUCK_SECONDS):
                await self.close(code=code)
        except OSError:  # too late, which TimeoutError says too, or gone by itself
            self.let_go.set()

    def over(self) -> None:
        self.ended = True
        warden().release(self)
        self.leave()
        for task in self.tasks - {asyncio.current_task()}:
            task.cancel()

    async def disconnect(self, code: int) -> None:
        self.over()
