"""The migration operation that a table with encrypted fields needs before it."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState

from kivendtout.lib.crypto import functions


def install_functions(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The pgcrypto extension (its owner need not be a superuser since PostgreSQL 13) and the kvt_ functions."""
    schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pgcrypto", params=None)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(nspname) FROM pg_namespace WHERE oid = "
            "(SELECT extnamespace FROM pg_extension WHERE extname = 'pgcrypto')"
        )
        row = cursor.fetchone()
    for statement in functions.create_statements(row[0] if row else "public"):
        schema_editor.execute(statement, params=None)


class InstallCryptoFunctions(Operation):
    """Repeat it in a later migration to bring a database to the functions of a newer release: it replaces them."""

    reduces_to_sql = True
    reversible = True
    category = OperationCategory.SQL

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Functions are no part of the models' state."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor == "postgresql":
            install_functions(schema_editor)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        if schema_editor.connection.vendor == "postgresql":
            for statement in functions.DROP:
                schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        return "Install pgcrypto and the functions that seal and open encrypted values"

    @property
    def migration_name_fragment(self) -> str:
        return "install_crypto_functions"
