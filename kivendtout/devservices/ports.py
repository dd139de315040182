"""Ports for the embedded services: the preferred one when free, another when not, the same one ever after."""

from __future__ import annotations

import errno
import json
import socket
from pathlib import Path

# Away from the servers' own defaults (5432, 6379, 9092), so that an installed server is never in the way.
PREFERRED = {"postgres": 54320, "redis": 63790, "kafka": 19092}
TRIES = 200  # neighbours tried before the system is asked for any port at all


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free to a server
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
        return True


def remembered(file: Path) -> dict[str, int]:
    try:
        ports = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): int(port) for name, port in ports.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def pick(file: Path, name: str, count: int = 1, preferred: int | None = None) -> int:
    """The first of `count` neighbouring free ports, recorded under the service's name."""
    known = remembered(file)
    wanted = known.get(name) or preferred or PREFERRED[name]
    port = next((p for p in range(wanted, min(wanted + TRIES, 65536 - count)) if _all_free(p, count)), None)
    if port is None:
        port = _any_free()
    if known.get(name) != port:
        file.write_text(json.dumps(known | {name: port}, indent=1) + "\n", encoding="utf-8")
    return port


def _all_free(first: int, count: int) -> bool:
    return all(is_free(port) for port in range(first, first + count))


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
