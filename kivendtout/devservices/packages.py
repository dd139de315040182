"""The programs that Python packages cannot bring: looked for, then fetched, then named when they cannot be had."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from kivendtout.devservices import apt, wheels
from kivendtout.devservices.home import Home
from kivendtout.devservices.programs import find_browser, find_postgres, find_redis
from kivendtout.devservices.say import SetupError, step


@dataclass(frozen=True)
class Need:
    label: str
    package: str
    found: Callable[[Home], object]
    unless: str  # the variable that makes it unnecessary
    otherwise: Callable[[Home], None] | None = None
    off: str = ""  # what is off without it; empty means nothing works without it


SERVERS = [
    Need("PostgreSQL", "postgresql", find_postgres, "DATABASE_URL", wheels.fetch_postgres),
    Need("Redis", "redis-server", find_redis, "REDIS_URL", wheels.fetch_redis),
]
# Playwright drives it with a Node of its own, which wants libatomic1.
BROWSER = Need("Chromium", "chromium libatomic1", find_browser, "CHROMIUM", off="browser tests are off")


def ensure(home: Home, needs: list[Need]) -> None:
    missing = [need for need in needs if not os.environ.get(need.unless) and not need.found(home)]
    if not missing:
        return
    home.prepare()
    home.tools.mkdir(exist_ok=True)
    for need in missing:
        with step(need.label) as line:
            line.note = "fetching"
            why = _fetch(home, need)
            line.note = "ready" if why is None else f"not to be had: {need.off}"
        if why is not None:
            print(f"    {why}")


def _fetch(home: Home, need: Need) -> str | None:
    """None when it is there now, else the reason; a reason for what everything needs is raised."""
    reasons: list[str] = []
    ways: list[Callable[[], None]] = []
    if apt.available():
        ways.append(lambda: apt.install(home, need.package.split()))
    if need.otherwise is not None:
        other = need.otherwise
        ways.append(lambda: other(home))
    for way in ways:
        try:
            way()
        except SetupError as error:
            reasons.append(str(error))
            continue
        if need.found(home):
            return None
    reason = reasons[0] if reasons else f"{need.label} is not here; install `{need.package}` and run again."
    if not need.off:
        raise SetupError(reason)
    return reason


def tidy(home: Home) -> None:
    """The package lists are large and soon stale; they are fetched again when needed."""
    shutil.rmtree(home.tools / "apt", ignore_errors=True)
