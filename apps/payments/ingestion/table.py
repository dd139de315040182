"""One file of an export, declared: its columns, how its rows are staged, how they are merged.

A new file is one declaration in `tables/` (or in the app that owns its rows, named to `registry.register_tables`)
and one test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from apps.payments.ingestion.columns import Column
from apps.payments.ingestion.staging import Merged, Run

# Line in the file, the row's values, the reason.
Reject = tuple[int, list[str], str]


@dataclass
class Finished:
    """What only the end of the load could tell: rows that took effect after all, and rows that never will."""

    loaded: int = 0
    rejects: list[Reject] = field(default_factory=list)


@dataclass(frozen=True)
class Table:
    name: str
    order: int
    """Files are loaded in this order: what a row points at comes before it."""
    columns: tuple[Column, ...]
    load: Callable[[Run, pl.DataFrame], Merged]
    """Merges good rows, with `n` (their line in the file) first. Runs in a transaction."""
    model: str
    """The model whose rows it makes, for the audit trail."""
    required: bool = True
    judge: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    """Sees checked rows (`n`, the columns, `fault`): finds faults between columns, adds columns of its own."""
    prepare: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    """From good rows to those that `load` gets. No database: runs beside it."""
    before: Callable[[Run, pl.DataFrame], None] | None = None
    """Before the transaction."""
    finish: Callable[[Run], Finished] | None = None
    """After every file."""
