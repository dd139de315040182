"""Online rotation of a blind index's key, along the same steps. Searches match both versions while it runs.

The hash is computed here, as its key never goes to the database; a row's new hash is written only if the row still
holds the very bytes that it was computed from.
"""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from kivendtout.lib.crypto.blind import BlindIndexField
from kivendtout.lib.crypto.errors import KeyRingError
from kivendtout.lib.crypto.hashing import VERSION_BYTES
from kivendtout.lib.crypto.keyring import Key, KeyState, get_keyring
from kivendtout.lib.crypto.rotation import (
    SHOWN_ROWS,
    Options,
    Outcome,
    Table,
    alone,
    pause,
    unfinished_rotation,
    wait_for_older_transactions,
)
from kivendtout.lib.crypto.unreadable import REPORT


def rotate_index(purpose: str, fields: list[BlindIndexField], options: Options) -> Outcome:
    columns = [IndexColumn(field, options) for field in fields]
    with alone(f"index {purpose}", columns[0].table.connection):
        new, olds = _begin(purpose, options)
        outcome = Outcome(purpose, new.id, [key.id for key in olds])
        if not olds:
            return outcome
        if new.state is not KeyState.ACTIVE:
            pause(options.grace, "for every process to search with the new version too", options)
            get_keyring().set_index_key(purpose, new.id, KeyState.ACTIVE)
        outcome.rows = sum(column.sweep() for column in columns)
        pause(options.grace, "for processes that are about to write with the former version", options)
        wait_for_older_transactions(columns[0].table.connection, options)
        outcome.rows += sum(column.sweep() for column in columns)
        outcome.unfinished = [row for column in columns for row in column.left_rows()]
        if outcome.finished:
            for key in olds:
                get_keyring().set_index_key(purpose, key.id, KeyState.RETIRED)
    return outcome


def _begin(purpose: str, options: Options) -> tuple[Key, list[Key]]:
    ring = get_keyring()
    ring.ensure(tables=[], indexes=[purpose])
    new, olds = unfinished_rotation(ring.state().indexes.get(purpose, ()))
    if olds and not options.resume:
        raise KeyRingError(
            f"The rotation of index {purpose} was interrupted. Finish it with `rotate_keys --index --resume`."
        )
    if not olds and not options.resume:
        olds = [ring.state().active_index(purpose)]
        new = ring.add_index_key(purpose)
    return new or ring.state().active_index(purpose), olds


class IndexColumn:
    def __init__(self, field: BlindIndexField, options: Options) -> None:
        self.field = field
        self.table = Table(field.model, options)
        quote = self.table.connection.ops.quote_name
        source: Any = field.model._meta.get_field(field.source)
        self.index, self.source = quote(field.column), quote(source.column)

    def sweep(self) -> int:
        rows = 0
        for after, upto in self.table.batches():
            rows += self._rehash(after, upto)
            self.table.options.report(f"{self.field.purpose}: {rows} rows hashed")
        return rows

    def _stale(self) -> tuple[str, list[Any]]:
        """Another version than the active one, or none although there is a value (rows loaded without their index)."""
        active = get_keyring().state().active_index(self.field.purpose)
        version = int(active.id).to_bytes(VERSION_BYTES, "big")
        return (
            f"{self.source} IS NOT NULL AND ({self.index} IS NULL OR substr({self.index}, 1, {VERSION_BYTES}) <> %s)"
        ), [version]

    def _rehash(self, after: list[Any] | None, upto: list[Any]) -> int:
        within, params = self.table.range_sql(after, upto)
        stale, version = self._stale()
        rows = self.table.fetch(
            f"SELECT kvt_decrypt({self.source}), {self.source}, {', '.join(self.table.pk)} "  # noqa: S608
            f"FROM {self.table.quoted} WHERE {within} AND {stale}",
            [*params, *version],
        )
        changes = [
            [self.field.index_of(text), sealed, *pk] for text, sealed, *pk in rows if text and text[:1] != REPORT
        ]
        try:
            return self._write(changes)
        except IntegrityError:
            # The same value under two versions met a unique index: change the others, name these.
            return sum(self._write_one(change) for change in changes)

    def _write(self, changes: list[list[Any]]) -> int:
        """In the primary key's order, and only where the value has not changed since it was read."""
        same = " AND ".join(f"{column} = %s" for column in self.table.pk)
        sql = f"UPDATE {self.table.quoted} SET {self.index} = %s WHERE {self.source} = %s AND {same}"  # noqa: S608
        if not changes:
            return 0
        with transaction.atomic(using=self.table.options.using), self.table.connection.cursor() as cursor:
            cursor.executemany(sql, changes)
            return int(cursor.rowcount)

    def _write_one(self, change: list[Any]) -> int:
        try:
            return self._write([change])
        except IntegrityError:
            return 0

    def left_rows(self) -> list[str]:
        stale, version = self._stale()
        rows = self.table.fetch(
            f"SELECT {', '.join(self.table.pk)} FROM {self.table.quoted} WHERE {stale} "  # noqa: S608
            f"AND coalesce(kvt_decrypt({self.source}), '') <> '' LIMIT %s",
            [*version, SHOWN_ROWS],
        )
        return [f"{self.table.name} {', '.join(map(str, row))}" for row in rows]
