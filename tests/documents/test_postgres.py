"""What is particular to documents in PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections
from django.db.migrations.state import ProjectState

from kivendtout.lib.documents import COLLECTIONS, DocumentsUnavailable
from kivendtout.lib.documents.operations import InstallDocumentTables
from kivendtout.lib.documents.postgres import PostgresDocuments
from kivendtout.lib.documents.tables import create_sql, table_of

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 12, 1, 12, tzinfo=UTC)
# Rows that other connections commit belong to tenants that no other test uses.
OWN_TENANT = 987_654_321


@contextmanager
def another_connection(alias: str) -> Iterator[PostgresDocuments]:
    """A store on a connection of its own, outside the test's transaction."""
    connections[alias] = connection.copy(alias)
    try:
        yield PostgresDocuments(alias)
    finally:
        connections[alias].close()
        del connections[alias]


def test_the_migrated_tables_are_those_of_the_registry() -> None:
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        for collection in COLLECTIONS.values():
            assert table_of(collection) in tables, f"A migration must install {collection.name}."
            columns = [one.name for one in connection.introspection.get_table_description(cursor, table_of(collection))]
            assert columns == ["tenant_id", "id", "at", *collection.filters, "body"]
            constraints = connection.introspection.get_constraints(cursor, table_of(collection))
            indexes = {tuple(one["columns"]) for one in constraints.values() if one["index"] and one["type"] != "brin"}
            assert indexes >= {("tenant_id", *fields) for fields in collection.indexes}


def test_the_operation_creates_and_removes_its_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kivendtout.lib.documents.tables.PREFIX", "other_documents_")
    operation, state = InstallDocumentTables("events", "reviews"), ProjectState()
    with connection.schema_editor() as editor:
        operation.database_forwards("any", editor, state, state)
    assert {"other_documents_events", "other_documents_reviews"} <= set(connection.introspection.table_names())
    with connection.schema_editor() as editor:
        operation.database_backwards("any", editor, state, state)
    assert not {"other_documents_events", "other_documents_reviews"} & set(connection.introspection.table_names())


def test_the_operation_can_be_written_into_a_migration() -> None:
    operation = InstallDocumentTables("events")
    assert operation.deconstruct() == ("InstallDocumentTables", ("events",), {})
    assert operation.describe() == "Create the document tables of events"


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("customer_id = 'C1' AND at >= '2025-12-01'", "documents_events_1"),
        ("session_id = 'S1'", "documents_events_2"),
        ("type = 'payment_attempt' AND at >= '2025-12-01'", "documents_events_3"),
        ("id = 'x'", "documents_events_pkey"),
    ],
)
def test_every_search_has_its_index(where: str, index: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO documents_events (tenant_id, id, at, customer_id, session_id, type, body)"
            " SELECT 1, n, timestamptz '2025-12-01' + n * interval '1 minute', 'C' || n / 100, 'S' || n / 10,"
            " 'payment_attempt', '{}' FROM generate_series(1, 30000) n"
        )
        cursor.execute("ANALYZE documents_events")
        cursor.execute(f"EXPLAIN SELECT * FROM documents_events WHERE tenant_id = 1 AND {where} ORDER BY at LIMIT 10")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert index in plan


def test_retention_reads_the_time_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO documents_events (tenant_id, id, at, type, body)"
            " SELECT 1, n, timestamptz '2024-01-01' + n * interval '1 minute', 'view', '{}'"
            " FROM generate_series(1, 30000) n"
        )
        cursor.execute("ANALYZE documents_events")
        cursor.execute("EXPLAIN SELECT ctid FROM documents_events WHERE at < '2024-01-01' LIMIT 5000")
        assert "documents_events_at" in "\n".join(row[0] for row in cursor.fetchall())


def test_no_value_travels_inside_the_statement() -> None:
    seen: list[str] = []

    def watch(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        seen.append(sql)
        return execute(sql, params, many, context)

    store = PostgresDocuments()
    with connection.execute_wrapper(watch):
        document = {"id": "PRIVATE-1", "at": NOON, "type": "PRIVATE-2", "customer_id": "PRIVATE-3", "note": "PRIVATE-4"}
        store.insert_many("events", 1, [document])
        store.find("events", 1, filters={"customer_id": "PRIVATE-3"}, since=NOON)
        store.delete("events", 1, {"customer_id": "PRIVATE-3"})
    assert seen
    assert "PRIVATE" not in "".join(seen)


def test_a_lost_connection_is_said_and_the_next_call_has_a_new_one() -> None:
    with another_connection("documents_lost") as store:
        store.ping()
        with pytest.raises(DocumentsUnavailable, match="does not answer"):
            store._rows("SELECT pg_terminate_backend(pg_backend_pid())", [])
        store.ping()


def test_writers_of_the_same_documents_neither_deadlock_nor_store_twice() -> None:
    documents = [
        {"id": f"{n:05}", "at": NOON + timedelta(seconds=n), "type": "t", "customer_id": "C1"} for n in range(2000)
    ]
    inserted: list[int] = []

    def write(number: int) -> None:
        with another_connection(f"documents_writer_{number}") as store:
            ordered = documents if number % 2 else documents[::-1]
            inserted.append(store.insert_many("events", OWN_TENANT, ordered).inserted)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    try:
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(timeout=60)
        assert sum(inserted) == len(documents)
        assert len(inserted) == len(writers)
    finally:
        with another_connection("documents_cleaner") as store:
            store.delete("events", OWN_TENANT, {"customer_id": "C1"})


def test_names_are_plain_identifiers() -> None:
    for collection in COLLECTIONS.values():
        for statement in create_sql(collection):
            assert '"' not in statement.replace('COLLATE "C"', "")
