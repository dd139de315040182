"""A socket client against the ASGI application. Channels' own one needs daphne, which the product does not use."""

from __future__ import annotations

import json
from time import monotonic
from typing import Any

from asgiref.testing import ApplicationCommunicator


class Socket(ApplicationCommunicator):
    def __init__(self, application: Any, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        path, _mark, query = path.partition("?")
        scope = {"type": "websocket", "path": path, "query_string": query.encode(), "headers": headers}
        super().__init__(application, scope)

    async def connect(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        return bool((await self.receive_output(timeout=5))["type"] == "websocket.accept")

    async def send_json(self, content: Any) -> None:
        await self.send_input({"type": "websocket.receive", "text": json.dumps(content)})

    async def receive_json(self) -> Any:
        return json.loads((await self.receive_output(timeout=5))["text"])

    async def next_of(self, kind: str) -> Any:
        while (message := await self.receive_json())["type"] != kind:
            pass
        return message

    async def closed_with(self) -> int:
        while (output := await self.receive_output(timeout=5))["type"] != "websocket.close":
            pass
        return int(output["code"])

    async def heard(self, seconds: float) -> list[Any]:
        """Everything said within that time."""
        until = monotonic() + seconds
        said = []
        while (left := until - monotonic()) > 0:
            if not await self.receive_nothing(timeout=left):
                said.append(await self.receive_json())
        return said

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout=5)
