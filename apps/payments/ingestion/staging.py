"""Rows on their way in: COPY into a temporary table, which set-based SQL then merges into the real ones.

Temporary tables are the session's own and leave no trace in the write-ahead log; a batch's stage empties at commit, a
standing one when the next batch comes.
A stage's `n` is its key wherever stages are joined: without statistics the planner may take any order, and with the
index no order is a bad one.
COPY's data is no statement, so it reaches no log; encrypted values stand in text columns, which nothing can refuse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.db import connection
from psycopg import Copy


@dataclass(frozen=True)
class Run:
    """What every step of one load or one batch shares."""

    tenant_id: int
    source: str
    now: datetime
    counted: Counter[str] = field(default_factory=Counter)

    def values(self, **more: Any) -> dict[str, Any]:
        return {"tenant": self.tenant_id, "source": self.source, "now": self.now, **more}


@dataclass
class Merged:
    """`loaded` rows changed something; `faults` say by row number why a row could not."""

    loaded: int = 0
    faults: list[tuple[int, str]] = field(default_factory=list)


# Dead rows in a standing stage; some 100 pages.
MOST_DELETED: Final = 2_000
# Times a statement is planned anew before its plan is kept.
PREPARE_AFTER: Final = 2
_deleted: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


# S608: every name below comes from constants of this package; values are always bound.
def stage_rows(name: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    open_stage(name, columns)
    fill_stage(name, rows)


def fill_stage(name: str, rows: Iterable[Sequence[Any]]) -> None:
    with copy_into(f"COPY {name} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def open_standing(stages: Mapping[str, str], rows: int) -> None:
    """Stages that a connection keeps from batch to batch, for whoever records a few payments many times a second.

    Emptying a table at each commit costs a quarter of a millisecond, and makes PostgreSQL forget every plan that
    reads it: planning took half of the time of a payment that came alone. So rows are deleted when the next batch
    comes, plans are kept, and the table is emptied for good only once its dead rows would slow a scan.
    """
    session = connection.connection
    session.prepare_threshold = PREPARE_AFTER
    since = _deleted.get(session, 0) + rows
    verb = "TRUNCATE" if since > MOST_DELETED else "DELETE FROM"
    _deleted[session] = 0 if since > MOST_DELETED else since
    with connection.cursor() as cursor:
        cursor.execute(
            "; ".join(
                f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns}) ON COMMIT PRESERVE ROWS; {verb} {name}"
                for name, columns in stages.items()
            )
        )


@contextmanager
def copy_into(statement: str) -> Iterator[Copy]:
    """psycopg's own COPY, with Django's errors, by which callers tell a bad row from a lost connection."""
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        yield copy


def open_stage(name: str, columns: str, *, keep: bool = False) -> None:
    ending = "ON COMMIT PRESERVE ROWS" if keep else "ON COMMIT DELETE ROWS"
    with connection.cursor() as cursor:
        # Temporary tables have no statistics, so the planner thinks these statements huge and compiles them: up to
        # two seconds of compiling for half a second of work. (The application's connections never do; loads' may.)
        # Empty already, unless several batches share a transaction.
        empty = "" if keep else f"; DELETE FROM {name}"  # noqa: S608
        cursor.execute(f"SET LOCAL jit = off; CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns}) {ending}{empty}")


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
