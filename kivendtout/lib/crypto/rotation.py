"""Online rotation of a table's key. Writes go on meanwhile, and a kill at any point leaves only readable rows.

1. Announce: the new key joins the ring, readable. Every process looks at the ring before each query, so after the
   grace time all of them can read what the next step will write.
2. Activate: new values get the new key; the former key still reads.
3. Sweep: rows under former keys are re-encrypted in batches. Locked rows are left to the next sweep, so a sweep never
   waits for a writer and cannot be part of a deadlock.
4. Wait for every transaction that may have compiled a statement with the former key, sweep again, count.
5. Retire the former keys once no row needs them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connections
from django.db.models import Model

from kivendtout.lib.crypto.errors import KeyRingError
from kivendtout.lib.crypto.keyring import Key, KeyState, get_keyring
from kivendtout.lib.crypto.registry import encrypted_fields
from kivendtout.lib.crypto.session import ensure_keys

SHOWN_ROWS = 20  # enough to see a pattern in what cannot be read
RETRY_SECONDS = 0.2


def _silent(_: str) -> None:
    """No progress wanted."""


@dataclass(frozen=True)
class Options:
    batch: int = 500  # about a tenth of a second of locks
    grace: float = (
        2.0  # for processes between compiling a statement and sending it, and for copying a ring to other hosts
    )
    patience: float = 600.0  # for long transactions and locked rows
    resume: bool = False
    using: str = "default"
    report: Callable[[str], None] = _silent


@dataclass
class Outcome:
    name: str
    new_key: str
    old_keys: list[str]
    rows: int = 0
    unfinished: list[str] = field(default_factory=list)  # row descriptions

    @property
    def finished(self) -> bool:
        return not self.unfinished


def rotate_table(model: type[Model], options: Options) -> Outcome:
    table = Table(model, options)
    with alone(f"table {table.name}", table.connection):
        new, olds = _begin(table.name, options)
        outcome = Outcome(table.name, new.id, [key.id for key in olds])
        if not olds:
            return outcome
        _activate(table, new, options)
        table.former = outcome.old_keys
        outcome.rows = table.sweep()
        pause(options.grace, "for processes that are about to write with the former key", options)
        wait_for_older_transactions(table.connection, options)
        outcome.rows += table.sweep_until_done()
        outcome.unfinished = table.left_rows()
        if outcome.finished:
            for key in olds:
                get_keyring().set_table_key(table.name, key.id, KeyState.RETIRED)
    return outcome


def _begin(table: str, options: Options) -> tuple[Key, list[Key]]:
    """The key to write with, and those to replace."""
    get_keyring().ensure(tables=[table], indexes=[])
    keys = get_keyring().state().tables.get(table, ())
    new, olds = unfinished_rotation(keys)
    if olds and not options.resume:
        raise KeyRingError(f"The rotation of {table} was interrupted. Finish it with `manage.py rotate_keys --resume`.")
    if not olds and not options.resume:
        olds = [get_keyring().state().active(table)]
        new = get_keyring().add_table_key(table)
    return new or get_keyring().state().active(table), olds


def unfinished_rotation(keys: tuple[Key, ...]) -> tuple[Key | None, list[Key]]:
    """The newest live key is the one to write with: announced, if it does not write yet."""
    live = [key for key in keys if key.state in {KeyState.ACTIVE, KeyState.READABLE}]
    return (live[-1], live[:-1]) if len(live) > 1 else (None, [])


def _activate(table: Table, new: Key, options: Options) -> None:
    if new.state is KeyState.ACTIVE:
        return
    options.report(f"{table.name}: key {new.id} announced")
    pause(options.grace, "for every process to learn the new key", options)
    get_keyring().set_table_key(table.name, new.id, KeyState.ACTIVE)
    options.report(f"{table.name}: key {new.id} writes from now on")


class Table:
    """A table's encrypted columns, and walking through its rows by primary key."""

    def __init__(self, model: type[Model], options: Options) -> None:
        self.connection: Any = connections[options.using]
        self.options = options
        self.name = model._meta.db_table
        self.former: list[str] = []
        quote = self.connection.ops.quote_name
        self.quoted = quote(self.name)
        key: Any = model._meta.pk_fields
        self.pk = [quote(f.column) for f in key]
        self.columns = [quote(f.column) for f in encrypted_fields(model)]
        refuse_transaction(self.connection)

    def sweep(self) -> int:
        rows = done = 0
        total = self._count("true")
        for after, upto in self.batches():
            rows += self._reencrypt(after, upto)
            done += self.options.batch
            self.options.report(f"{self.name}: {min(done, total)} of {total} rows looked at, {rows} re-encrypted")
        return rows

    def sweep_until_done(self) -> int:
        """Rows that somebody holds a lock on are met again; rows that cannot be read are not waited for."""
        rows, give_up = self.sweep(), time.monotonic() + self.options.patience
        while self._count(self._under_former() + " AND " + self._readable(), self._former()):
            if time.monotonic() > give_up:
                break
            time.sleep(RETRY_SECONDS)
            rows += self.sweep()
        return rows

    def batches(self) -> Iterator[tuple[list[Any] | None, list[Any]]]:
        """Ranges of the primary key, (after, up to], each of about `batch` rows."""
        after: list[Any] | None = None
        key = ", ".join(self.pk)
        while True:
            where, params = ("", []) if after is None else (f"WHERE ({key}) > ({marks(after)})", after)
            rows = self.fetch(
                f"SELECT {key} FROM (SELECT {key} FROM {self.quoted} {where} ORDER BY {key} LIMIT %s) AS batch "  # noqa: S608
                f"ORDER BY {', '.join(f'{column} DESC' for column in self.pk)} LIMIT 1",
                [*params, self.options.batch],
            )
            if not rows:
                return
            yield after, list(rows[0])
            after = list(rows[0])

    def range_sql(self, after: list[Any] | None, upto: list[Any]) -> tuple[str, list[Any]]:
        key = ", ".join(self.pk)
        lower = "true" if after is None else f"({key}) > ({marks(after)})"
        return f"{lower} AND ({key}) <= ({marks(upto)})", [*(after or []), *upto]

    def _reencrypt(self, after: list[Any] | None, upto: list[Any]) -> int:
        within, params = self.range_sql(after, upto)
        key, same = ", ".join(self.pk), " AND ".join(f"t.{c} = picked.{c}" for c in self.pk)
        changes = ", ".join(f"{c} = kvt_reencrypt(t.{c}, '{self.name}')" for c in self.columns)
        ensure_keys(self.connection, writing_to=self.name)
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"WITH picked AS MATERIALIZED (SELECT {key} FROM {self.quoted} WHERE {within} "  # noqa: S608
                f"AND {self._under_former()} AND {self._readable()} FOR UPDATE SKIP LOCKED) "
                f"UPDATE {self.quoted} AS t SET {changes} FROM picked WHERE {same}",
                [*params, *self._former()],
            )
            return int(cursor.rowcount)

    def _under_former(self) -> str:
        return "(" + " OR ".join(f"kvt_key_id({c}) = ANY(%s)" for c in self.columns) + ")"

    def _former(self) -> list[Any]:
        return [self.former] * len(self.columns)

    def _readable(self) -> str:
        """At least one value under a former key can be read, so that there is something to do."""
        former = ", ".join(f"'{key_id}'" for key_id in self.former)
        readable = "kvt_key_id({0}) IN ({1}) AND left(kvt_decrypt({0}), 1) IS DISTINCT FROM chr(1)"
        return "(" + " OR ".join(f"({readable.format(column, former)})" for column in self.columns) + ")"

    def left_rows(self) -> list[str]:
        rows = self.fetch(
            f"SELECT {', '.join(self.pk)} FROM {self.quoted} WHERE {self._under_former()} LIMIT %s",  # noqa: S608
            [*self._former(), SHOWN_ROWS],
        )
        return [f"{self.name} {', '.join(map(str, row))}" for row in rows]

    def holds(self, key_id: str) -> bool:
        self.former = [key_id]
        return bool(self._count(self._under_former(), self._former()))

    def _count(self, where: str, params: list[Any] | None = None) -> int:
        return int(self.fetch(f"SELECT count(*) FROM {self.quoted} WHERE {where}", params)[0][0])  # noqa: S608

    def fetch(self, sql: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
        ensure_keys(self.connection)
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())


def marks(values: list[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def pause(seconds: float, why: str, options: Options) -> None:
    if seconds > 0:
        options.report(f"waiting {seconds:g} s {why}")
        time.sleep(seconds)


def refuse_transaction(connection: Any) -> None:
    if connection.in_atomic_block:
        raise KeyRingError("A rotation commits as it goes. Call it outside of transaction.atomic().")


def wait_for_older_transactions(connection: Any, options: Options) -> None:
    """What was begun before now and wrote with a former key is committed, so visible to the next sweep, after this."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric")
        horizon = cursor.fetchone()[0]
        give_up = time.monotonic() + options.patience
        while True:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::numeric >= %s", [horizon])
            if cursor.fetchone()[0]:
                return
            if time.monotonic() > give_up:
                raise KeyRingError(
                    f"A transaction has been open for more than {options.patience:g} s. "
                    "End it (pg_stat_activity shows it), then run `manage.py rotate_keys --resume`."
                )
            time.sleep(RETRY_SECONDS)


@contextmanager
def alone(what: str, connection: Any) -> Iterator[None]:
    """One rotation of a thing at a time; the lock goes with the session, so a killed process leaves none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"kvt-rotate {what}"])
        if not cursor.fetchone()[0]:
            raise KeyRingError(f"Another rotation of {what} is running. Let it finish, then look with --list.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [f"kvt-rotate {what}"])
