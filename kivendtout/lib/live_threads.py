"""Threads of the sockets process that ask the database, each with a connection of its own.

All of Django's synchronous code shares one thread otherwise: with a hundred people connected, alerts waited behind the
check of their rights, and under load that took seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async
from django.db import connections

P = ParamSpec("P")
R = TypeVar("R")

FEED = ThreadPoolExecutor(1, "live-feed")
RIGHTS = ThreadPoolExecutor(1, "live-rights")


async def asked(thread: ThreadPoolExecutor, what: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    found: R = await database_sync_to_async(what, thread_sensitive=False, executor=thread)(*args, **kwargs)
    return found


def close_connections() -> None:
    """For tests, whose databases go when they end."""
    for thread in (FEED, RIGHTS):
        thread.submit(connections.close_all).result()
