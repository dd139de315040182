"""One ear a process: it hears each push once and hands it to the sockets of this process.

So Redis sends a push once a process and not once a client, and it is decoded once. What hears must not wait: it puts
what it heard into a queue of its own.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer

# Longer than a subscription takes; a socket that opens while Redis is away waits for it no longer than this.
JOIN_SECONDS = 2.0
RETRY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Listener(Protocol):
    def hear(self, body: Any) -> None: ...


class Hub:
    def __init__(self) -> None:
        self.listeners: dict[str, set[Listener]] = {}
        self.joined: dict[str, asyncio.Event] = {}
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def follow(self, group: str, listener: Listener) -> bool:
        """Whether pushes to the group are heard now. If not, they will be once Redis is back."""
        self.listeners.setdefault(group, set()).add(listener)
        joined = self.joined.setdefault(group, asyncio.Event())
        if self.task is None:
            self.task = asyncio.create_task(self._run())
        self.changed.set()
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                await joined.wait()
        except TimeoutError:
            return False
        return True

    def leave(self, group: str, listener: Listener) -> None:
        if group in self.listeners:
            self.listeners[group].discard(listener)
            if not self.listeners[group]:
                del self.listeners[group]
                self.changed.set()

    async def _run(self) -> None:
        while True:
            hearing: asyncio.Task[None] | None = None
            try:
                layer: Any = get_channel_layer()
                channel = await layer.new_channel("live.")
                hearing = asyncio.create_task(self._hear(layer, channel))
                await self._keep_joined(layer, channel, hearing)
            except Exception as error:
                log.warning("live_hub_failed", error=type(error).__name__, retry_seconds=RETRY_SECONDS)
            finally:
                if hearing is not None:
                    hearing.cancel()
            for event in self.joined.values():
                event.clear()
            await asyncio.sleep(RETRY_SECONDS)

    async def _keep_joined(self, layer: Any, channel: str, hearing: asyncio.Task[None]) -> None:
        while not hearing.done():
            self.changed.clear()
            for group in [name for name, event in self.joined.items() if name not in self.listeners and event.is_set()]:
                await layer.group_discard(group, channel)
                if group not in self.listeners:
                    del self.joined[group]
            for group in [name for name in self.listeners if not self.joined[name].is_set()]:
                await layer.group_add(group, channel)
                if group in self.joined:
                    self.joined[group].set()
            changed = asyncio.create_task(self.changed.wait())
            await asyncio.wait({changed, hearing}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        hearing.result()

    async def _hear(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            for listener in list(self.listeners.get(message["group"], ())):
                try:
                    listener.hear(message["body"])
                except Exception:
                    log.exception("live_listener_failed", group=message["group"])


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """This event loop's."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
