"""The default key ring: one JSON file, mode 600, replaced atomically, changed under a lock."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from kivendtout.lib.clock import now
from kivendtout.lib.crypto.errors import KeyRingError
from kivendtout.lib.crypto.keyring import Key, KeyState, RingState

SECRET_BYTES = 32  # AES-256 and HMAC-SHA256 both take 256 bits
ID_BYTES = 4  # the id stands in every stored value; a ring refuses an id it already has, so four bytes are plenty
FORMAT = 1
Keys = dict[str, tuple[Key, ...]]


class LocalKeyRing:
    def __init__(self, path: Path, *, autocreate: bool) -> None:
        self.path = Path(path)
        self.autocreate = autocreate
        self._cached: tuple[object, RingState] | None = None
        self._thread_lock = threading.RLock()

    def stamp(self) -> object:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return None
        # Each change is a new file under the old name, so the inode tells even within one clock tick; the change time
        # tells of a new mode or owner as well.
        return stat.st_ino, stat.st_ctime_ns, stat.st_size

    def state(self) -> RingState:
        stamp = self.stamp()
        if self._cached and self._cached[0] == stamp:
            return self._cached[1]
        if stamp is None:
            self._missing()
        with self._thread_lock:
            state = self._read()
            self._cached = (stamp, state)  # the stamp from before the read: a change meanwhile is read again
        return state

    def ensure(self, *, tables: list[str], indexes: list[str]) -> None:
        if not self.autocreate:
            return
        # From the cache first: names never leave a ring, and this is asked once for every value that is hashed.
        known = self._cached[1] if self._cached else self.state() if self.path.exists() else RingState({}, {})
        if set(tables) - set(known.tables) or set(indexes) - set(known.indexes):
            self.create(tables=tables, indexes=indexes)

    def create(self, *, tables: list[str], indexes: list[str]) -> list[str]:
        created: list[str] = []

        def add_missing(ring: RingState) -> RingState:
            new_tables = {t: (_new_table_key(ring, KeyState.ACTIVE),) for t in tables if t not in ring.tables}
            new_indexes = {i: (_new_key("1", KeyState.ACTIVE),) for i in indexes if i not in ring.indexes}
            created.extend([*new_tables, *new_indexes])
            return RingState(ring.tables | new_tables, ring.indexes | new_indexes)

        self._change(add_missing, may_start=True)
        return created

    def add_table_key(self, table: str) -> Key:
        added: list[Key] = []

        def add(ring: RingState) -> RingState:
            added.append(_new_table_key(ring, KeyState.READABLE))
            return replace(ring, tables=ring.tables | {table: (*ring.tables.get(table, ()), added[0])})

        self._change(add)
        return added[0]

    def add_index_key(self, purpose: str) -> Key:
        added: list[Key] = []

        def add(ring: RingState) -> RingState:
            keys = ring.indexes.get(purpose, ())
            added.append(_new_key(str(len(keys) + 1), KeyState.READABLE))
            return replace(ring, indexes=ring.indexes | {purpose: (*keys, added[0])})

        self._change(add)
        return added[0]

    def set_table_key(self, table: str, key_id: str, state: KeyState) -> None:
        self._change(lambda ring: replace(ring, tables=_with_state(ring.tables, table, key_id, state)))

    def set_index_key(self, purpose: str, key_id: str, state: KeyState) -> None:
        self._change(lambda ring: replace(ring, indexes=_with_state(ring.indexes, purpose, key_id, state)))

    def _missing(self) -> None:
        if not self.autocreate:
            raise KeyRingError(
                f"There is no key ring at {self.path}. Put the ring of this data set there (KEYRING_FILE names the "
                "place), or, for a database that is still empty, run `manage.py rotate_keys --create`."
            )
        self._change(lambda ring: ring, may_start=True)

    def _read(self) -> RingState:
        mode = self.path.stat().st_mode
        if mode & 0o077:
            raise KeyRingError(
                f"The key ring {self.path} can be read by others (mode {mode & 0o777:o}). "
                f"Run `chmod 600 {self.path}`, and rotate the keys if others have had access."
            )
        try:
            return _decode(json.loads(self.path.read_text(encoding="utf-8")))
        except PermissionError as error:
            raise KeyRingError(
                f"The key ring {self.path} cannot be read by this user. Give it to this user."
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise KeyRingError(
                f"The key ring {self.path} is damaged ({type(error).__name__}). Restore it from its backup; "
                "do not create a new one, or existing values stay unreadable."
            ) from None  # the cause could quote the file

    def _change(self, change: Callable[[RingState], RingState], *, may_start: bool = False) -> None:
        with self._locked():
            if not self.path.exists() and not may_start:
                raise KeyRingError(f"There is no key ring at {self.path}. Run `manage.py rotate_keys --create` first.")
            before = self._read() if self.path.exists() else RingState({}, {})
            after = change(before)
            if after != before or not self.path.exists():
                self._write(after)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, over threads and processes. The lock has its own file: the ring's inode changes."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock_path = self.path.with_name(self.path.name + ".lock")
        with self._thread_lock, os.fdopen(os.open(lock_path, os.O_RDWR | os.O_CREAT, 0o600)) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, ring: RingState) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)  # mkstemp makes mode 600
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                json.dump(_encode(ring), out, indent=1)
                out.flush()
                os.fsync(out.fileno())  # a key must be on disk before any row depends on it
            temporary.replace(self.path)
            _sync_directory(self.path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _new_key(key_id: str, state: KeyState) -> Key:
    return Key(id=key_id, state=state, created_at=now(), secret=secrets.token_bytes(SECRET_BYTES))


def _new_table_key(ring: RingState, state: KeyState) -> Key:
    taken = {key.id for keys in ring.tables.values() for key in keys}
    while (key_id := secrets.token_hex(ID_BYTES)) in taken:
        pass
    return _new_key(key_id, state)


def _with_state(names: Keys, name: str, key_id: str, state: KeyState) -> Keys:
    keys = names.get(name, ())
    if key_id not in {key.id for key in keys}:
        raise KeyRingError(f"The key ring has no key {key_id} for {name}. `manage.py rotate_keys --list` names them.")
    return names | {name: tuple(_next(key, key_id, state) for key in keys)}


def _next(key: Key, changed_id: str, state: KeyState) -> Key:
    if key.id == changed_id:
        return replace(key, state=state, secret=b"" if state is KeyState.DESTROYED else key.secret)
    if state is KeyState.ACTIVE and key.state is KeyState.ACTIVE:
        return replace(key, state=KeyState.READABLE)
    return key


def _encode(ring: RingState) -> dict[str, Any]:
    return {"format": FORMAT, "tables": _encode_keys(ring.tables), "indexes": _encode_keys(ring.indexes)}


def _encode_keys(names: Keys) -> dict[str, list[dict[str, str]]]:
    return {name: [_encode_key(key) for key in keys] for name, keys in sorted(names.items())}


def _encode_key(key: Key) -> dict[str, str]:
    secret = base64.b64encode(key.secret).decode()
    return {"id": key.id, "state": key.state.value, "created_at": key.created_at.isoformat(), "key": secret}


def _decode(data: dict[str, Any]) -> RingState:
    if data["format"] != FORMAT:
        raise ValueError
    return RingState(_decode_keys(data["tables"]), _decode_keys(data["indexes"]))


def _decode_keys(names: dict[str, Iterable[dict[str, str]]]) -> Keys:
    return {name: tuple(_decode_key(raw) for raw in keys) for name, keys in names.items()}


def _decode_key(raw: dict[str, str]) -> Key:
    secret = base64.b64decode(raw["key"], validate=True)
    state = KeyState(raw["state"])
    if len(secret) != (0 if state is KeyState.DESTROYED else SECRET_BYTES):
        raise ValueError
    return Key(id=raw["id"], state=state, created_at=datetime.fromisoformat(raw["created_at"]), secret=secret)
