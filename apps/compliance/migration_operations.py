"""Migration operations shared by the apps' migrations."""

from __future__ import annotations

from typing import Any

from django.db.migrations.operations.base import Operation

from apps.compliance.models.base import TenantForeignKey


class AddTenantForeignKeys(Operation):
    """For each TenantForeignKey of the named models: (column, tenant_id) REFERENCES target (id, tenant_id).

    The referenced table declares a unique constraint on (id, tenant). Checked at once, deferrable where a
    transaction needs it.
    """

    reversible = True

    def __init__(self, *model_names: str) -> None:
        self.model_names = model_names

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__qualname__, list(self.model_names), {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """The state already knows the fields; only the database learns something."""

    def _constraints(self, app_label: str, state: Any) -> list[tuple[str, str, str, str]]:
        found = []
        for name in self.model_names:
            model = state.apps.get_model(app_label, name)
            for field in model._meta.local_fields:
                if isinstance(field, TenantForeignKey):
                    target = field.remote_field.model._meta.db_table
                    found.append((model._meta.db_table, field.column, target, f"tenant_fk_{name}_{field.column}"[:63]))
        return found

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        quote = schema_editor.quote_name
        for table, column, target, name in self._constraints(app_label, to_state):
            schema_editor.execute(
                f"ALTER TABLE {quote(table)} ADD CONSTRAINT {quote(name)} FOREIGN KEY ({quote(column)}, tenant_id) "
                f"REFERENCES {quote(target)} (id, tenant_id) DEFERRABLE INITIALLY IMMEDIATE"
            )

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        quote = schema_editor.quote_name
        for table, _column, _target, name in self._constraints(app_label, from_state):
            schema_editor.execute(f"ALTER TABLE {quote(table)} DROP CONSTRAINT {quote(name)}")

    def describe(self) -> str:
        return f"Tie foreign keys of {', '.join(self.model_names)} to their tenant"
