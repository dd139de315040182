"""Rows on their way in: COPY into a temporary table, which set-based SQL then merges into the real ones.

Temporary tables are the session's own and leave no trace in the write-ahead log; a batch's stage empties at commit.
COPY's data is no statement, so it reaches no log; encrypted values stand in text columns, which nothing can refuse.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import polars as pl
from django.db import connection

from kivendtout.lib.crypto.hashing import blind_indexes

MOMENT = "%Y-%m-%d %H:%M:%S%.6f%:z"


@dataclass(frozen=True)
class Run:
    """What every step of one load or one batch shares."""

    tenant_id: int
    source: str
    now: datetime

    def values(self, **more: Any) -> dict[str, Any]:
        return {"tenant": self.tenant_id, "source": self.source, "now": self.now, **more}


@dataclass
class Merged:
    """`loaded` rows changed something; `faults` say by row number why a row could not."""

    loaded: int = 0
    faults: list[tuple[int, str]] = field(default_factory=list)


class Merge(Protocol):
    def __call__(self, run: Run) -> Merged: ...


# S608: every name below comes from constants of this package; values are always bound.
def stage_frame(name: str, columns: str, frame: pl.DataFrame, *, keep: bool = False) -> None:
    """`columns` is SQL: `n integer, customer_id text, …`, in the frame's own order."""
    buffer = io.BytesIO()
    frame.write_csv(buffer, include_header=False, datetime_format=MOMENT)
    _open_stage(name, columns, keep=keep)
    with connection.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy:
        copy.write(buffer.getbuffer())


def stage_rows(name: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    _open_stage(name, columns, keep=False)
    with connection.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _open_stage(name: str, columns: str, *, keep: bool) -> None:
    ending = "ON COMMIT PRESERVE ROWS" if keep else "ON COMMIT DELETE ROWS"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns}) {ending}")
        if not keep:
            # Empty already, unless several batches share a transaction.
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608


def drop_stages(*names: str) -> None:
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DROP TABLE IF EXISTS {name}")


def execute(sql: str, values: dict[str, Any] | None = None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def fetch(sql: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def hashed(purpose: str, values: pl.Series, *, normaliser: str = "exact") -> pl.Series:
    """Keyed hashes in the text form of bytea; each distinct value is computed once."""
    distinct = values.drop_nulls().unique()
    digests = blind_indexes(purpose, distinct.to_list(), normaliser=normaliser)
    known = {value: f"\\x{digest.hex()}" for value, digest in zip(distinct, digests, strict=True) if digest}
    return values.replace_strict(known, default=None, return_dtype=pl.String)
