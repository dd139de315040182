"""Keys on their way to PostgreSQL: session settings, sent as bound parameters, only where no log can hold them.

Settings rather than connection options: a rotation reaches connections that are already open, and the keys stand in
no `dsn`, no pool's arguments and no `DATABASES` entry that an error page could print. docs/encryption.md has the rest.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

import psycopg
from django.apps import apps
from django.db.backends.signals import connection_created

from kivendtout.lib.crypto.errors import KeyRingError, KeysWithheld
from kivendtout.lib.crypto.keyring import KeyRing, KeyState, RingState, get_keyring
from kivendtout.lib.crypto.plaintext import Plaintext, PlaintextDumper
from kivendtout.lib.crypto.unreadable import forget_logged

LOG_SETTINGS = ("log_parameter_max_length", "log_parameter_max_length_on_error")
# A printed plan holds the values that were bound to it.
NO_PLANS = dict.fromkeys(("debug_print_parse", "debug_print_rewritten", "debug_print_plan"), "off")
SETTABLE_TABLE = re.compile(r"[a-z_][a-z0-9_]*")  # what may follow `kvt.active_` in a setting's name
_SET = "SELECT count(set_config(name, value, false)) FROM unnest(%s::text[], %s::text[]) AS keys(name, value)"
log = logging.getLogger(__name__)


@dataclass
class Delivered:
    """What one psycopg connection has been given."""

    stamp: object
    names: frozenset[str]
    # A setting made inside a transaction is undone when that rolls back; until one is made outside, repeat it.
    lasting: bool


def encrypted_tables() -> list[str]:
    from kivendtout.lib.crypto.registry import encrypted_models

    return sorted(encrypted_models()) if apps.models_ready else []


def ensure_keys(connection: Any, *, writing_to: str | None = None) -> None:
    """Before every query on an encrypted field. Costs one stat() unless the ring has changed.

    Reading with a ring that is out of order gives unreadable values; writing is refused.
    """
    try:
        ring = get_keyring()
        if writing_to:
            ring.ensure(tables=[writing_to], indexes=[])
        _deliver_if_changed(connection, ring)
        if writing_to:
            ring.state().active(writing_to)
    except KeyRingError as error:
        if writing_to:
            raise
        _warn_once(str(error))


def _deliver_if_changed(connection: Any, ring: KeyRing) -> None:
    connection.ensure_connection()
    if connection.needs_rollback:
        return  # Django refuses the query itself, with its own sentence
    raw = connection.connection
    delivered: Delivered | None = getattr(raw, "kvt_delivered", None)
    stamp = ring.stamp()
    if delivered and delivered.lasting and delivered.stamp == stamp:
        return
    _refuse_client_side_binding(connection)
    with connection.wrap_database_errors:
        _deliver(connection, raw, ring, delivered, stamp)


def _deliver(connection: Any, raw: Any, ring: KeyRing, delivered: Delivered | None, stamp: object) -> None:
    if delivered is None:
        raw.adapters.register_dumper(Plaintext, PlaintextDumper)
    _refuse_logged_parameters(raw)
    settings = NO_PLANS | session_settings(ring.state())
    former = delivered.names if delivered else frozenset[str]()
    _send(raw, settings | dict.fromkeys(former - set(settings), ""))
    raw.kvt_delivered = Delivered(stamp, frozenset(settings), lasting=not _in_transaction(connection))
    if delivered and delivered.stamp != stamp:
        forget_logged()


def session_settings(state: RingState) -> dict[str, str]:
    settings = {f"kvt.key_{key_id}": secret.hex() for key_id, secret in state.secrets_by_id().items()}
    for table, keys in state.tables.items():
        if SETTABLE_TABLE.fullmatch(table):
            settings |= {f"kvt.active_{table}": key.id for key in keys if key.state is KeyState.ACTIVE}
    return settings


def _in_transaction(connection: Any) -> bool:
    return bool(connection.in_atomic_block) or not connection.get_autocommit()


def _send(raw: Any, settings: dict[str, str]) -> None:
    if settings:
        # psycopg's own cursor: Django's would keep the parameters in connection.queries and in its debug log.
        psycopg.Cursor(raw).execute(_SET, [list(settings), list(settings.values())])


def _refuse_client_side_binding(connection: Any) -> None:
    if not connection.settings_dict["OPTIONS"].get("server_side_binding"):
        raise KeysWithheld(
            f"The database connection {connection.alias!r} would write values into SQL text. "
            "Add OPTIONS = {'server_side_binding': True} to it in DATABASES."
        )


def log_settings(raw: Any) -> tuple[dict[str, str], bool]:
    """The session's settings for logging parameters, and whether it may change them itself."""
    columns = ", ".join(f"current_setting('{name}')" for name in LOG_SETTINGS)
    row = psycopg.Cursor(raw).execute(f"SELECT current_setting('is_superuser'), {columns}").fetchone()
    assert row
    return dict(zip(LOG_SETTINGS, row[1:], strict=True)), row[0] == "on"


def _refuse_logged_parameters(raw: Any) -> None:
    found, may_change = log_settings(raw)
    wrong = [name for name, value in found.items() if value != "0"]
    if wrong and not may_change:
        raise KeysWithheld(logged_parameters_message(raw.info.user, wrong))
    for name in wrong:
        psycopg.Cursor(raw).execute(f"SET {name} = 0")


def logged_parameters_message(role: str, wrong: list[str]) -> str:
    statements = " ".join(f"ALTER ROLE {role} SET {name} = 0;" for name in wrong)
    return (
        f"PostgreSQL may write the values of role {role}'s statements into its log, so it gets no keys. "
        f"Run as a superuser: {statements} Then reconnect."
    )


_warned: set[str] = set()


def _warn_once(message: str) -> None:
    if message not in _warned:
        _warned.add(message)
        log.error("Encrypted values cannot be read: %s", message)


def reopen(connection: Any, sealed: bytes) -> str | None:
    """A second try at one value, after the ring has been read again: a rotation may have begun since the query."""
    ensure_keys(connection)
    row = psycopg.Cursor(connection.connection).execute("SELECT kvt_decrypt(%b::bytea)", [sealed]).fetchone()
    return row[0] if row else None


def _on_connection_created(connection: Any, **_: object) -> None:
    if connection.vendor != "postgresql":
        return
    try:
        ring = get_keyring()
        ring.ensure(tables=encrypted_tables(), indexes=[])
        # A pool hands out connections that may have been reset meanwhile, so what was delivered is not assumed.
        connection.connection.kvt_delivered = None
        _deliver_if_changed(connection, ring)
    except KeyRingError as error:
        _warn_once(str(error))  # whoever writes gets the sentence; a connection for other work stays usable


def connect_signal() -> None:
    connection_created.connect(_on_connection_created, dispatch_uid="kvt-keys")
