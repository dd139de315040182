"""What people do with encryption keys: create the first ones, rotate, look, destroy."""

from __future__ import annotations

from typing import TypeVar

from kivendtout.lib.crypto.errors import KeyRingError
from kivendtout.lib.crypto.hashing import HASH_PURPOSES
from kivendtout.lib.crypto.keyring import Key, KeyState, get_keyring
from kivendtout.lib.crypto.registry import encrypted_models, index_fields
from kivendtout.lib.crypto.rotation import Options, Outcome, Table, rotate_table
from kivendtout.lib.crypto.rotation_index import rotate_index

T = TypeVar("T")
Listing = dict[str, list[dict[str, str]]]


def keys_create() -> list[str]:
    """First keys for every encrypted table and blind index that has none. Changes nothing that exists."""
    return get_keyring().create(tables=sorted(encrypted_models()), indexes=sorted({*index_fields(), *HASH_PURPOSES}))


def keys_rotate_tables(*, tables: list[str], options: Options) -> list[Outcome]:
    models = _chosen(tables, encrypted_models(), "table with encrypted fields")
    return [rotate_table(model, options) for model in models.values()]


def keys_rotate_indexes(*, purposes: list[str], options: Options) -> list[Outcome]:
    fields = _chosen(purposes, index_fields(), "blind index")
    return [rotate_index(purpose, group, options) for purpose, group in fields.items()]


def keys_list() -> tuple[Listing, Listing]:
    """Tables' and indexes' keys, without their secrets."""
    state = get_keyring().state()
    return _described(state.tables), _described(state.indexes)


def keys_destroy(*, key_id: str) -> str:
    """Erases a retired table key for good; backups made under it become unreadable. Returns the table's name."""
    for table, keys in get_keyring().state().tables.items():
        for key in keys:
            if key.id == key_id:
                _refuse_needed(table, key)
                get_keyring().set_table_key(table, key_id, KeyState.DESTROYED)
                return table
    raise KeyRingError(f"The key ring has no key {key_id}. `rotate_keys --list` names them.")


def _refuse_needed(table: str, key: Key) -> None:
    if key.state is not KeyState.RETIRED:
        raise KeyRingError(f"Key {key.id} of {table} is {key.state}, not retired. Rotate the table first.")
    model = encrypted_models().get(table)
    if model and Table(model, Options()).holds(key.id):
        raise KeyRingError(f"Rows of {table} still need key {key.id}. Rotate the table again before destroying it.")


def _described(names: dict[str, tuple[Key, ...]]) -> Listing:
    return {
        name: [{"id": k.id, "state": k.state.value, "created_at": k.created_at.isoformat()} for k in keys]
        for name, keys in names.items()
    }


def _chosen(wanted: list[str], known: dict[str, T], what: str) -> dict[str, T]:
    if unknown := sorted(set(wanted) - set(known)):
        raise KeyRingError(f"There is no {what} named {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    return {name: known[name] for name in sorted(wanted or known)}
