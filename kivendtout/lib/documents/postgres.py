"""Documents in PostgreSQL, through Django's connection: one table a collection (see tables.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
from django.db import IntegrityError, InterfaceError, OperationalError, connections
from django.db.backends.utils import CursorWrapper
from django.db.transaction import atomic

from kivendtout.lib.documents.checks import Prepared
from kivendtout.lib.documents.collections import Collection
from kivendtout.lib.documents.copying import copy_data
from kivendtout.lib.documents.errors import DocumentsUnavailable
from kivendtout.lib.documents.store import DocumentStore
from kivendtout.lib.documents.tables import table_of
from kivendtout.lib.documents.types import Position, Query, Tally

# S608: table and column names come from the registry, which admits plain identifiers only; every value is bound.
# ruff: noqa: S608

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
# Whether the last batch held repeats: they come in rows (a topic read again, a file loaded again), and finding the
# first of them by COPY costs what COPY spares.
_repeating: dict[tuple[str, str], bool] = {}


def _where(query: Query) -> tuple[str, list[Any]]:
    parts = ["tenant_id = %s"]
    values: list[Any] = [query.tenant_id]
    for name, value in query.filters.items():
        parts.append(f"{name} = %s")
        values.append(value)
    for operator, moment in ((">=", query.since), ("<", query.until)):
        if moment is not None:
            parts.append(f"at {operator} %s")
            values.append(moment)
    return " AND ".join(parts), values


def _columns(collection: Collection) -> str:
    return ", ".join(("id", "at", *collection.filters, "body"))


def _document(collection: Collection, row: tuple[Any, ...]) -> dict[str, Any]:
    identity, at, *keys, body = row
    named = {name: key for name, key in zip(collection.filters, keys, strict=True) if key is not None}
    return {"id": identity, "at": at, **named, **_decode(body)}


class PostgresDocuments(DocumentStore):
    name = "postgresql"
    transactional = True

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias

    @contextmanager
    def _cursor(self, *, streaming: bool = False) -> Iterator[CursorWrapper]:
        connection = connections[self.alias]
        try:
            with connection.chunked_cursor() if streaming else connection.cursor() as cursor:
                yield cursor
        except (OperationalError, InterfaceError) as error:
            if not connection.in_atomic_block:  # a long-lived worker must find a fresh connection next time
                connection.close_if_unusable_or_obsolete()
            raise DocumentsUnavailable() from error

    def _rows(self, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        with self._cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def _changed(self, sql: str, values: list[Any]) -> int:
        with self._cursor() as cursor:
            cursor.execute(sql, values)
            return int(cursor.rowcount)

    def ping(self) -> None:
        self._rows("SELECT 1", [])

    def _insert(self, collection: Collection, tenant_id: int, batch: list[Prepared]) -> int:
        """COPY, a third cheaper, as long as nothing of the batch is there already; it stores all or nothing."""
        key = (self.alias, collection.name)
        if not _repeating.get(key) and self._copied(collection, tenant_id, batch):
            return len(batch)
        inserted = self._merged(collection, tenant_id, batch)
        _repeating[key] = inserted < len(batch)
        return inserted

    def _copied(self, collection: Collection, tenant_id: int, batch: list[Prepared]) -> bool:
        sql = f"COPY {table_of(collection)} (tenant_id, {_columns(collection)}) FROM STDIN (FORMAT binary)"
        try:
            with (
                self._cursor() as cursor,
                atomic(self.alias),
                connections[self.alias].wrap_database_errors,
                cursor.copy(sql) as copy,
            ):
                copy.write(copy_data(tenant_id, batch))
        except IntegrityError:  # the key is the table's only constraint that a checked document can break
            return False
        return True

    def _merged(self, collection: Collection, tenant_id: int, batch: list[Prepared]) -> int:
        """The whole batch as one JSON parameter: the fastest way measured that skips what is there already."""
        named = ("id", "at", *collection.filters)
        rows = [dict(zip(named, (one.id, one.at, *one.keys), strict=True), body=msgspec.Raw(one.text)) for one in batch]
        typed = ", ".join(("id text", "at timestamptz", *(f"{name} text" for name in collection.filters), "body jsonb"))
        return self._changed(
            f"INSERT INTO {table_of(collection)} (tenant_id, {_columns(collection)})"
            f" SELECT %s, one.* FROM json_to_recordset(%s::json) AS one({typed}) ON CONFLICT DO NOTHING",
            [tenant_id, _encode(rows).decode()],
        )

    def _get(self, collection: Collection, tenant_id: int, document_id: str) -> dict[str, Any] | None:
        sql = f"SELECT {_columns(collection)} FROM {table_of(collection)} WHERE tenant_id = %s AND id = %s"
        rows = self._rows(sql, [tenant_id, document_id])
        return _document(collection, rows[0]) if rows else None

    def _find(self, query: Query, limit: int, newest_first: bool, after: Position | None) -> list[dict[str, Any]]:
        where, values = _where(query)
        order, operator = ("DESC", "<") if newest_first else ("ASC", ">")
        if after is not None:
            where += f" AND (at, id) {operator} (%s, %s)"
            values += [after.at, after.id]
        rows = self._rows(
            f"SELECT {_columns(query.collection)} FROM {table_of(query.collection)} WHERE {where}"
            f" ORDER BY at {order}, id {order} LIMIT %s",
            [*values, limit],
        )
        return [_document(query.collection, row) for row in rows]

    def _count(self, query: Query) -> int:
        where, values = _where(query)
        return int(self._rows(f"SELECT count(*) FROM {table_of(query.collection)} WHERE {where}", values)[0][0])

    def _count_by(self, query: Query, field: str, limit: int) -> list[tuple[str | None, int]]:
        where, values = _where(query)
        rows = self._rows(
            f"SELECT {field}, count(*) FROM {table_of(query.collection)} WHERE {where}"
            f" GROUP BY {field} ORDER BY count(*) DESC, {field} NULLS FIRST LIMIT %s",
            [*values, limit],
        )
        return [(value, int(number)) for value, number in rows]

    def _count_different(self, query: Query, field: str) -> int:
        where, values = _where(query)
        sql = f"SELECT count(DISTINCT {field}) FROM {table_of(query.collection)} WHERE {where}"
        return int(self._rows(sql, values)[0][0])

    def _tally(self, query: Query, field: str, groups: Mapping[str, Sequence[str]], different: str) -> dict[str, Tally]:
        """One pass over the period, sorted on disk where it does not fit in memory."""
        where, values = _where(query)
        pairs = [(name, value) for name, some in groups.items() for value in some]
        rows = self._rows(
            f"SELECT one.name, count(*), count(DISTINCT {different}) FROM {table_of(query.collection)}"
            f" JOIN unnest(%s::text[], %s::text[]) AS one (name, value) ON {field} = one.value"
            f" WHERE {where} GROUP BY one.name",
            [[name for name, _value in pairs], [value for _name, value in pairs], *values],
        )
        return {name: Tally(int(documents), int(found)) for name, documents, found in rows}

    def _count_values(self, query: Query, field: str) -> Iterator[tuple[str, int]]:
        where, values = _where(query)
        sql = (
            f"SELECT body->>'{field}', count(*) FROM {table_of(query.collection)}"
            f" WHERE {where} AND body->>'{field}' IS NOT NULL GROUP BY 1"
        )
        with self._cursor(streaming=True) as cursor:
            cursor.execute(sql, values)
            for value, number in cursor:
                yield value, int(number)

    def _delete(self, query: Query) -> int:
        where, values = _where(query)
        return self._changed(f"DELETE FROM {table_of(query.collection)} WHERE {where}", values)

    def _expire(self, collection: Collection, before: datetime, limit: int) -> int:
        table = table_of(collection)
        return self._changed(
            f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE at < %s LIMIT %s))",
            [before, limit],
        )
