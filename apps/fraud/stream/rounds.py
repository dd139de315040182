"""How the relay and the teller go on: what is due, a rest, and again, whatever is away."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

log = structlog.get_logger(__name__)


def go_round(
    name: str, turn: Callable[[], object], *, stop: threading.Event, woken: threading.Event, rest: Callable[[], float]
) -> None:
    """Until told to stop. `woken` ends a rest early; `rest` says how long one may be."""
    while not stop.is_set():
        close_old_connections()
        try:
            turn()
        except (DatabaseError, InterfaceError) as error:
            log.warning(f"{name}_store_away", error=type(error.__cause__ or error).__name__)
            connection.close()
            stop.wait(1.0)
        except Exception:
            # A fault of ours must not end it while its worker looks healthy.
            log.exception(f"{name}_failed")
            stop.wait(1.0)
        woken.wait(rest())
        woken.clear()
    connection.close()
