"""System checks for what keeps keys and values out of logs. `manage.py check --database default` runs them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  Django's own name
from django.db import connections
from django.db.utils import OperationalError

from kivendtout.lib.crypto.errors import KeyRingError
from kivendtout.lib.crypto.keyring import get_keyring
from kivendtout.lib.crypto.registry import encrypted_models
from kivendtout.lib.crypto.session import log_settings, logged_parameters_message


def check_binding(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    return [
        Error(
            f"The database connection {alias!r} writes values into SQL text, where PostgreSQL logs them.",
            hint="Add OPTIONS = {'server_side_binding': True} to it in DATABASES.",
            id="kvt.E001",
        )
        for alias in _postgresql(databases)
        if not connections[alias].settings_dict["OPTIONS"].get("server_side_binding")
    ]


def check_parameter_logging(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for alias in _postgresql(databases):
        connection: Any = connections[alias]
        try:
            connection.ensure_connection()
        except OperationalError:
            continue  # the connection's own error says more
        found, superuser = log_settings(connection.connection)
        # A superuser's session sets them to 0 by itself before it gets a key.
        wrong = [] if superuser else [name for name, value in found.items() if value != "0"]
        if wrong:
            hint = logged_parameters_message(connection.connection.info.user, wrong)
            messages.append(Error(f"{', '.join(wrong)} is not 0.", hint=hint, id="kvt.E002"))
    return messages


def check_keyring(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    if not databases or not (tables := list(encrypted_models())):
        return []
    try:
        ring = get_keyring()
        ring.ensure(tables=tables, indexes=[])
        state = ring.state()
        for table in tables:
            state.active(table)
    except KeyRingError as error:
        return [Error("The key ring cannot be used.", hint=error.message, id="kvt.E003")]
    return []


def check_superuser(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for alias in _postgresql(databases):
        connection: Any = connections[alias]
        if connection.connection and log_settings(connection.connection)[1]:
            hint = "Use roles that own or use this database only."
            messages.append(Warning(f"The connection {alias!r} uses a superuser.", hint=hint, id="kvt.W004"))
    return messages


def _postgresql(databases: Sequence[str] | None) -> list[str]:
    return [alias for alias in databases or [] if connections[alias].vendor == "postgresql"]


def register_checks() -> None:
    for check in (check_binding, check_parameter_logging, check_keyring, check_superuser):
        register(check, Tags.database)
