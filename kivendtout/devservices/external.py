"""Servers named in the environment: never started, only asked whether they answer; a bad value names its variable."""

from __future__ import annotations

import os
from typing import Any

import psycopg
import redis

from kivendtout.devservices.kafka import speaks_kafka
from kivendtout.devservices.say import SetupError


def owner_address() -> dict[str, str | None]:
    """A database of the user's own with one role only: that role then owns the schema as well."""
    database, owner = os.environ.get("DATABASE_URL"), os.environ.get("DATABASE_OWNER_URL")
    if owner and not database:
        raise SetupError("DATABASE_OWNER_URL is set but DATABASE_URL is not; set both, or neither.")
    return {"DATABASE_OWNER_URL": owner or database} if database else {}


def check_database() -> str:
    for variable in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        url = os.environ.get(variable, "")
        if url:
            _check_database(variable, url)
    return "answers"


def _check_database(variable: str, url: str) -> None:
    if not url.startswith(("postgres://", "postgresql://")):
        raise SetupError(
            f"{variable} does not begin with postgres://; expected postgres://user:password@host:port/name."
        )
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        raise SetupError(f"{variable} names a database that cannot be reached: {_first_line(error)}.") from error


def check_redis() -> str:
    try:
        client = redis.Redis.from_url(os.environ["REDIS_URL"], socket_connect_timeout=5, socket_timeout=5)
        client.ping()
    except (redis.RedisError, ValueError) as error:
        raise SetupError(f"REDIS_URL names a Redis that cannot be used: {_first_line(error)}.") from error
    return "answers"


def check_kafka() -> str:
    hosts = [entry.strip() for entry in os.environ["KAFKA_BOOTSTRAP_SERVERS"].split(",") if entry.strip()]
    for entry in hosts:
        host, _, port = entry.rpartition(":")
        if not host or not port.isdigit():
            raise SetupError(
                f"KAFKA_BOOTSTRAP_SERVERS holds {entry!r}; expected host:port, several separated by commas."
            )
        if speaks_kafka(host.strip("[]"), int(port), timeout=5.0):
            return "answers"
    raise SetupError("KAFKA_BOOTSTRAP_SERVERS names no broker that answers; start it or correct the value.")


def check_documents() -> str:
    import pymongo  # an optional extra, imported only where it is asked for
    from pymongo.errors import PyMongoError

    try:
        client: pymongo.MongoClient[Any] = pymongo.MongoClient(os.environ["MONGODB_URI"], serverSelectionTimeoutMS=5000)
        with client:
            client.admin.command("ping")
    except (PyMongoError, ValueError) as error:
        raise SetupError(f"MONGODB_URI names a MongoDB that cannot be used: {_first_line(error)[:200]}.") from error
    return "answers"


def _first_line(error: Exception) -> str:
    """The library's reason without its password, which PostgreSQL never repeats and Redis does not know."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
