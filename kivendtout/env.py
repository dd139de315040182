"""Settings from the environment, then from `.services/env`; a bad value names its variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent
SERVICES_ENV = BASE_DIR / ".services" / "env"


class BadSetting(Exception):
    """A variable holds a value that cannot be used; the message names it and says what would do."""


def _read_services_env(path: Path = SERVICES_ENV) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


_services = _read_services_env()


def env_str(name: str, default: str | None = None) -> str:
    value = os.environ.get(name) or _services.get(name) or default
    if value is None:
        raise BadSetting(f"{name} is not set. Run `make services`, or set {name} in the environment.")
    return value


def env_optional(name: str) -> str | None:
    return os.environ.get(name) or _services.get(name) or None


def env_int(name: str, default: int) -> int:
    raw = env_str(name, str(default))
    try:
        return int(raw)
    except ValueError as error:
        raise BadSetting(f"{name} is {raw!r}, which is not a whole number.") from error


def env_bool(name: str, default: bool) -> bool:
    raw = env_str(name, "true" if default else "false").lower()
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise BadSetting(f"{name} is {raw!r}; use true or false.")


def env_list(name: str, default: str = "") -> list[str]:
    return [item.strip() for item in env_str(name, default or " ").split(",") if item.strip()]


def env_counts(name: str, default: Mapping[str, int]) -> dict[str, int]:
    """`payments=12,orders=6` over the default; every part must be one that the default knows."""
    counts = dict(default)
    for item in env_list(name):
        key, equals, number = (part.strip() for part in item.partition("="))
        if key not in default:
            raise BadSetting(f"{name} speaks of {key!r}, which is none of {', '.join(default)}.")
        if not equals or not number.isdigit() or int(number) < 1:
            raise BadSetting(f"{name} holds {item!r}; expected {key}= and a whole number from 1 on.")
        counts[key] = int(number)
    return counts


def _split_url(name: str, raw: str, schemes: tuple[str, ...]) -> SplitResult:
    url = urlsplit(raw)
    try:
        url.port  # noqa: B018  reading it is what validates it
    except ValueError as error:
        raise BadSetting(f"{name} has a port that is not a number. Expected {schemes[0]}://host:port/…") from error
    if url.scheme not in schemes or not (url.hostname or url.path):
        raise BadSetting(f"{name} does not start with {' or '.join(s + '://' for s in schemes)} and a host.")
    return url


def env_database(name: str) -> dict[str, Any]:
    """A `postgres://user:password@host:port/name?option=value` URL as Django's DATABASES entry."""
    url = _split_url(name, env_str(name), ("postgres", "postgresql"))
    database = url.path.lstrip("/")
    if not database:
        raise BadSetting(f"{name} names no database. Expected postgres://user:password@host:port/database.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(database),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or "",
        "PORT": str(url.port or 5432),
        "OPTIONS": dict(parse_qsl(url.query)),
    }


def env_redis(name: str) -> str:
    raw = env_str(name)
    _split_url(name, raw, ("redis", "rediss", "unix"))
    return raw


def env_http(name: str) -> str | None:
    """An address that may carry a user and a password; neither is repeated when it is refused."""
    raw = env_optional(name)
    if raw is not None:
        _split_url(name, raw, ("https", "http"))
    return raw


def env_hosts(name: str) -> list[str]:
    """`host:port,host:port`, as Kafka clients take it."""
    hosts = env_list(name)
    for host in hosts:
        if not host.rpartition(":")[2].isdigit():
            raise BadSetting(f"{name} holds {host!r}; expected host:port, several separated by commas.")
    if not hosts:
        raise BadSetting(f"{name} is empty; expected host:port, several separated by commas.")
    return hosts
