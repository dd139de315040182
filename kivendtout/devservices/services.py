"""`make services` and `make stop`: what has no address in the environment is embedded, the rest is only checked."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kivendtout.devservices import external, kafka, postgres, redis_server
from kivendtout.devservices.envfile import secret_of, update_env
from kivendtout.devservices.home import Home
from kivendtout.devservices.say import SetupError, step

SPACE_NEEDED = 500 * 1024 * 1024  # bytes: an empty cluster, its write-ahead log and a little room


@dataclass(frozen=True)
class Service:
    name: str
    label: str
    variable: str
    start: Callable[[Home], tuple[bool, str]]
    stop: Callable[[Home], bool]
    check: Callable[[], str]


def all_services() -> list[Service]:
    choice = kafka.Choice.from_environment()
    return [
        Service("postgres", "PostgreSQL", "DATABASE_URL", postgres.start, postgres.stop, external.check_database),
        Service("redis", "Redis", "REDIS_URL", redis_server.start, redis_server.stop, external.check_redis),
        Service(
            "kafka",
            "Kafka",
            "KAFKA_BOOTSTRAP_SERVERS",
            lambda home: kafka.start(home, choice),
            kafka.stop,
            external.check_kafka,
        ),
    ]


@contextmanager
def only_one(home: Home) -> Iterator[None]:
    """Two set-ups at once would start everything twice; the second one waits."""
    home.prepare()
    with (home.services / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def start_all(home: Home) -> list[Service]:
    """Those it had to start, in order. When one fails, the ones it started before it are stopped again."""
    started: list[Service] = []
    # Those of the user's own are asked first: a wrong address is said before anything is started.
    services = sorted(all_services(), key=lambda service: not os.environ.get(service.variable))
    with only_one(home):
        _require_space(home)
        _check_documents()
        _write_common(home)
        try:
            for service in services:
                _start_one(home, service, started)
        except BaseException:
            for service in reversed(started):
                service.stop(home)
            raise
    return started


def _check_documents() -> None:
    """MongoDB is never embedded: without its address, documents live in PostgreSQL."""
    if os.environ.get("MONGODB_URI"):
        with step("MongoDB") as line:
            line.note = external.check_documents() + ", from MONGODB_URI"


def _start_one(home: Home, service: Service, started: list[Service]) -> None:
    with step(service.label) as line:
        if os.environ.get(service.variable):
            line.note = service.check() + f", from {service.variable}"
            return
        fresh, where = service.start(home)
        line.note = where + ("" if fresh else ", was already running")
        if fresh:
            started.append(service)


def stop_all(home: Home, only: list[Service] | None = None) -> list[str]:
    """In reverse order. Without `only`, everything that has a pid file here."""
    if not home.services.is_dir():
        return []
    services = only if only is not None else all_services()
    with only_one(home):
        return [service.label for service in reversed(services) if service.stop(home)]


def _require_space(home: Home) -> None:
    free = shutil.disk_usage(home.services).free
    if free < SPACE_NEEDED:
        raise SetupError(
            f"Only {free // 2**20} MB are free on the disk of {home.services}; "
            f"free at least {SPACE_NEEDED // 2**20} MB and run again."
        )


def _write_common(home: Home) -> None:
    secret_of(home.env_file, "SECRET_KEY")
    keys = home.services / "keys"
    keys.mkdir(mode=0o700, exist_ok=True)
    changes: dict[str, str | None] = {"KEYRING_FILE": str(keys / "keyring.json")}
    update_env(home.env_file, changes | external.owner_address())
