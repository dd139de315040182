"""Which files a load knows. Apps above payments add theirs by module name, imported only when something is loaded."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.payments.ingestion.staging import Run
    from apps.payments.ingestion.table import Table

_modules = ["apps.payments.ingestion.tables"]


def register_tables(module: str) -> None:
    """`module` has `TABLES` and may have `after_payments(run)`, called with the staged payments still there."""
    if module not in _modules:
        _modules.append(module)


def all_tables() -> list[Table]:
    tables: list[Table] = [table for name in _modules for table in import_module(name).TABLES]
    return sorted(tables, key=lambda table: table.order)


def after_payments() -> list[Callable[[Run], None]]:
    found = (getattr(import_module(name), "after_payments", None) for name in _modules)
    return [one for one in found if one is not None]
