"""How long a request may take, PostgreSQL included: a server that neither answers nor refuses is left at the deadline.

    with answer_within(0.9):
        …  # each wait for PostgreSQL ends then at the latest, as an OperationalError; its connection is closed

Statement timeouts are the server's own: they do not help against one that hangs, or against a network that swallows
packets. Where no deadline is set, nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from time import monotonic
from typing import Any, Final

import psycopg
from django.db.backends.signals import connection_created

# What is left for a last word, such as a rollback, once the time is over.
LAST_WORD: Final = 0.01
# A server that lives is told to stop what nobody waits for any more; one that hangs does not hold up anybody for it.
CANCEL_SECONDS: Final = 0.1

_ends: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def answer_within(seconds: float) -> Iterator[None]:
    """Inside another deadline the earlier one holds."""
    ends, outer = monotonic() + seconds, _ends.get()
    token = _ends.set(ends if outer is None else min(ends, outer))
    try:
        yield
    finally:
        _ends.reset(token)


def seconds_left(most: float) -> float:
    """Until the deadline in force, and at most that long; never below zero."""
    ends = _ends.get()
    return most if ends is None else max(0.0, min(most, ends - monotonic()))


def connect_signal() -> None:
    connection_created.connect(_on_connection_created, dispatch_uid="kvt-deadline")


def _on_connection_created(connection: Any, **_: object) -> None:
    if connection.vendor == "postgresql":
        connection.connection.wait = partial(_wait, connection.connection)


def _wait(own: psycopg.Connection[Any], gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
    """What psycopg calls whenever it waits for the server."""
    ends = _ends.get()
    if ends is None or timeout is not None:
        return type(own).wait(own, gen, interval, timeout)
    try:
        return type(own).wait(own, gen, interval, max(ends - monotonic(), LAST_WORD))
    except psycopg.OperationalError as error:
        if monotonic() < ends or error.sqlstate is not None:
            raise
        _leave(own)
        raise psycopg.OperationalError("PostgreSQL did not answer before the deadline") from error


def _leave(own: psycopg.Connection[Any]) -> None:
    if psycopg.capabilities.has_cancel_safe():  # without it, cancelling may itself wait for ever
        with suppress(psycopg.Error):
            own.cancel_safe(timeout=CANCEL_SECONDS)
    own.close()
