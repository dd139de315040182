"""The key ring: which keys exist, which one writes, which ones only read.

`KeyRing` is all that the rest of the code knows, so that a secrets manager (Vault, a cloud KMS) can stand behind it:
set `KEYRING_BACKEND` to the dotted path of a callable that returns one. The default is a local file (localring.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from kivendtout.lib.crypto.errors import KeyRingError, MissingKey

DEFAULT_FILE = Path(".services/keys/keyring.json")


class KeyState(StrEnum):
    ACTIVE = "active"  # writes; one for each table
    READABLE = "readable"  # reads: either announced for a rotation, or being replaced by one
    RETIRED = "retired"  # no live row needs it; kept to read backups
    DESTROYED = "destroyed"  # the secret is gone, the record of it stays


@dataclass(frozen=True)
class Key:
    """`id` is 8 hex digits for a table's key, and the version number for a blind index's."""

    id: str
    state: KeyState
    created_at: datetime
    secret: bytes = field(repr=False)  # 32 random bytes; never shown, not even in a traceback


@dataclass(frozen=True)
class RingState:
    """An immutable picture of the ring. Within a name, keys stand in the order of their creation."""

    tables: dict[str, tuple[Key, ...]]
    indexes: dict[str, tuple[Key, ...]]

    def active(self, table: str) -> Key:
        return _active(self.tables.get(table, ()), f"table {table}")

    def active_index(self, purpose: str) -> Key:
        return _active(self.indexes.get(purpose, ()), f"blind index {purpose}")

    def live_index_keys(self, purpose: str) -> list[Key]:
        """Those a search must try: the active one first, then the ones that a rotation has not finished with."""
        live = [k for k in self.indexes.get(purpose, ()) if k.state in {KeyState.ACTIVE, KeyState.READABLE}]
        return sorted(live, key=lambda key: key.state is not KeyState.ACTIVE)

    def secrets_by_id(self) -> dict[str, bytes]:
        """Every table key that still exists, retired ones too: a restored backup must be readable."""
        return {key.id: key.secret for keys in self.tables.values() for key in keys if key.secret}


def _active(keys: tuple[Key, ...], what: str) -> Key:
    for key in keys:
        if key.state is KeyState.ACTIVE:
            return key
    raise MissingKey(
        f"The key ring has no active key for {what}. Run `manage.py rotate_keys --create` once, "
        "and give every process the same ring."
    )


class KeyRing(Protocol):
    def stamp(self) -> object:
        """Changes when the ring does. Called before every query on an encrypted field, so it must be cheap."""
        ...

    def state(self) -> RingState:
        """The current picture; cached until `stamp` changes."""
        ...

    def ensure(self, *, tables: list[str], indexes: list[str]) -> None:
        """Creates first keys where there are none, if this ring may do so here; otherwise changes nothing."""
        ...

    def create(self, *, tables: list[str], indexes: list[str]) -> list[str]:
        """Like `ensure`, but because a person asked. Returns the names that got a first key."""
        ...

    def add_table_key(self, table: str) -> Key:
        """A new key, readable at once and not yet writing."""
        ...

    def add_index_key(self, purpose: str) -> Key: ...

    def set_table_key(self, table: str, key_id: str, state: KeyState) -> None:
        """Activating a key makes the former active one readable. Destroying a key erases its secret."""
        ...

    def set_index_key(self, purpose: str, key_id: str, state: KeyState) -> None: ...


_lock = threading.Lock()
_ring: KeyRing | None = None


def get_keyring() -> KeyRing:
    global _ring
    if _ring is None:
        with _lock:
            _ring = _ring or _configured_ring()
    return _ring


@contextmanager
def use_keyring(ring: KeyRing) -> Iterator[KeyRing]:
    """Another ring for the length of a block: tests, and tools that inspect a copy."""
    global _ring
    former, _ring = _ring, ring
    try:
        yield ring
    finally:
        _ring = former


def _configured_ring() -> KeyRing:
    from django.conf import settings

    from kivendtout.lib.crypto.localring import LocalKeyRing

    if not settings.configured and not _has_settings():
        return LocalKeyRing(DEFAULT_FILE, autocreate=False)
    if backend := getattr(settings, "KEYRING_BACKEND", None):
        return _from_backend(backend)
    development = settings.DEBUG or getattr(settings, "TESTING", False)
    path = Path(getattr(settings, "KEYRING_FILE", DEFAULT_FILE))
    return LocalKeyRing(path, autocreate=getattr(settings, "KEYRING_AUTOCREATE", development))


def _has_settings() -> bool:
    import os

    return bool(os.environ.get("DJANGO_SETTINGS_MODULE"))


def _from_backend(dotted: str) -> KeyRing:
    from django.utils.module_loading import import_string

    factory: Callable[[], KeyRing] = import_string(dotted)
    try:
        return factory()
    except Exception as error:
        raise KeyRingError(f"KEYRING_BACKEND {dotted} did not give a key ring: {type(error).__name__}.") from error
