"""A small HTTP load: keep-alive connections, an even rate or as fast as answers come, each answer's time kept.

Written here because a load generator shares the two cores with what it measures: this one costs some 60 µs a request.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Measured:
    times: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    def summary(self, per_request: int = 1) -> dict[str, Any]:
        ordered = sorted(self.times)
        at = {
            f"p{p}_ms": round(ordered[min(len(ordered) - 1, len(ordered) * p // 100)] * 1000, 1) for p in (50, 95, 99)
        }
        good = self.statuses[200]
        return {
            "requests": len(ordered),
            "errors": len(ordered) - good,
            "statuses": dict(self.statuses),
            "per_second": round(good * per_request / self.seconds),
            **at,
        }


class Client:
    def __init__(self, host: str, port: int, key: str) -> None:
        self.host, self.port = host, port
        self.head = (
            f"Host: {host}:{port}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            "Connection: keep-alive\r\n"
        )

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port, limit=16_000_000)

    def request(self, path: str, body: bytes) -> bytes:
        return f"POST {path} HTTP/1.1\r\n{self.head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    if (at := lower.find(b"content-length:")) >= 0:
        await reader.readexactly(int(lower[at + 15 : lower.index(b"\r\n", at)]))
    return int(head[9:12])


async def steady(client: Client, path: str, bodies: Callable[[], bytes], *, rate: float, seconds: float) -> Measured:
    """Open loop: a request is due when it is due, whether or not earlier ones are answered; waiting counts."""
    measured, queue, done = Measured(), asyncio.Queue[float](), asyncio.Event()

    async def worker() -> None:
        reader, writer = await client.connect()
        while not (done.is_set() and queue.empty()):
            try:
                due = await asyncio.wait_for(queue.get(), 0.5)
            except TimeoutError:
                continue
            status = await _ask(reader, writer, client.request(path, bodies()))
            measured.times.append(time.perf_counter() - due)
            measured.statuses[status] += 1
        writer.close()

    workers = [asyncio.create_task(worker()) for _n in range(64)]
    await asyncio.sleep(0.3)
    began = time.perf_counter()
    for n in range(int(rate * seconds)):
        due = began + n / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        queue.put_nowait(due)
    done.set()
    await asyncio.gather(*workers)
    measured.seconds = time.perf_counter() - began
    return measured


async def flat_out(
    client: Client, path: str, bodies: Callable[[], bytes], *, connections: int, seconds: float
) -> Measured:
    """Closed loop: each connection asks again as soon as it is answered."""
    measured, end = Measured(), time.perf_counter() + seconds

    async def worker() -> None:
        reader, writer = await client.connect()
        while time.perf_counter() < end:
            request = client.request(path, bodies())
            began = time.perf_counter()
            status = await _ask(reader, writer, request)
            measured.times.append(time.perf_counter() - began)
            measured.statuses[status] += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _n in range(connections)))
    measured.seconds = time.perf_counter() - began
    return measured
