"""Staged payments into rows: the steps, in their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import connection

from apps.payments.ingestion import payments_sql as sql
from apps.payments.ingestion.staging import Run, execute, fetch
from apps.payments.services.partitions import payment_partitions_ensure

_there: set[date] = set()


@dataclass
class MergedPayments:
    new: dict[int, int] = field(default_factory=dict)
    """Payment by the row that made it, in the order of rows."""
    changed: list[int] = field(default_factory=list)
    known: dict[int, int] = field(default_factory=dict)
    """Payment by the row that told of it once more. A row stands in one of `new`, `known` and `faults`."""
    faults: list[tuple[int, str]] = field(default_factory=list)


def ensure_months(moments: set[date]) -> None:
    """Before the transaction: making a partition locks the table, and should not hold that through a batch.

    A month that was there once is not asked for again: partitions go only with their retention, years later.
    """
    for month in sorted({day.replace(day=1) for day in moments} - _there):
        payment_partitions_ensure(first=month, last=month)
        if not connection.in_atomic_block:  # one made in a transaction may be rolled back
            _there.add(month)


def merge_payments(run: Run) -> MergedPayments:
    """Inside a transaction, after the stage is filled."""
    values = run.values()
    _scratch(sql.FOUND, sql.FOUND_COLUMNS)
    _scratch(sql.FRESH, sql.FRESH_COLUMNS)
    _scratch(sql.MADE, sql.MADE_COLUMNS)
    # 1. What is known already, and which rows cannot be.
    execute(sql.FIND, values)
    told_again = [(n, known, fault) for n, fault, known in fetch(sql.NOT_FRESH)]
    if execute(sql.FILL_FRESH):
        # 2. What the new payments need and nobody told before.
        for statement in (sql.DEVICES, sql.DEVICES_SEEN_EARLIER, sql.SESSIONS, sql.SESSION_DEVICES, sql.METHODS):
            execute(statement, values)
        # 3. The payments, each once.
        execute(sql.REFERENCES, values)
        execute(sql.PAYMENTS, values)
        told_again += fetch(sql.DOUBLES, values)
    # 4. What became of those that were pending.
    changed, refused = _move(run)
    faults = [(n, fault) for n, _known, fault in told_again if fault] + refused
    left_out = {n for n, _fault in faults}
    known = {n: payment for n, payment, _fault in told_again if n not in left_out}
    return MergedPayments(dict(fetch(sql.NEW)), changed, known, faults)


def _scratch(name: str, columns: str) -> None:
    execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns}) ON COMMIT DELETE ROWS")
    execute(f"DELETE FROM {name}")  # noqa: S608  a constant


def _move(run: Run) -> tuple[list[int], list[tuple[int, str]]]:
    moves: dict[int, tuple[datetime, str, str, str]] = {}
    refused: list[tuple[int, str]] = []
    for n, external_id, payment, at, current, status, code, trace in fetch(sql.RESULTS, run.values()):
        standing = moves[payment][1] if payment in moves else current
        if standing == "pending":
            moves[payment] = (at, status, code, trace)
        elif standing != status:
            refused.append((n, f"payment_id {external_id} is {standing} already and cannot become {status}."))
    if moves:
        times, statuses, codes, traces = (list(column) for column in zip(*moves.values(), strict=True))
        values = run.values(ids=list(moves), times=times, statuses=statuses, codes=codes, traces=traces)
        execute(sql.MOVE, values)
        execute(sql.FAILURE_CODES, values)
    return list(moves), refused
