"""Creates the document tables from a migration, as they have no Django model: nothing but the store touches them."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState

from kivendtout.lib.documents.collections import collection_named
from kivendtout.lib.documents.tables import create_sql, drop_sql


class InstallDocumentTables(Operation):
    """`InstallDocumentTables("events", "reviews")`: the collections are named, so that one declared later gets its
    own migration instead of changing what an applied one meant."""

    reduces_to_sql = True
    reversible = True
    category = OperationCategory.ADDITION

    def __init__(self, *names: str) -> None:
        self.names = names

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Models do not change."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for name in self.names:
            for statement in create_sql(collection_named(name)):
                schema_editor.execute(statement)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for name in reversed(self.names):
            schema_editor.execute(drop_sql(collection_named(name)))

    def describe(self) -> str:
        return f"Create the document tables of {', '.join(self.names)}"

    @property
    def migration_name_fragment(self) -> str:
        return "document_tables"
