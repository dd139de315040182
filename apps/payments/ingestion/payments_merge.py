"""Staged payments into rows: the steps, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection

from apps.payments.ingestion import payments_sql as sql
from apps.payments.ingestion.staging import Run, execute, fetch
from apps.payments.services.partitions import payment_partitions_ensure

_there: set[date] = set()


class Context(NamedTuple):
    """What is on record around a payment, as of now. Hashes in hexadecimal, times in microseconds; empty is unknown."""

    card: str | None
    ip: str | None
    profile_country: str | None
    registered_at: int | None
    segment: str | None
    merchant_country: str | None
    merchant_mcc: str | None
    device_kind: str | None
    os: str | None
    browser: str | None
    utm_source: str | None
    utm_campaign: str | None
    card_country: str | None


class Needs(NamedTuple):
    """What this batch needs beyond its payments. A statement for nothing costs 0.3 ms, which one payment feels."""

    fresh: int
    """How many payments are new."""
    known: bool = False
    faults: bool = False
    devices: bool = False
    devices_seen_earlier: bool = False
    sessions: bool = False
    session_devices: bool = False
    methods: bool = False


@dataclass
class MergedPayments:
    new: dict[int, int] = field(default_factory=dict)
    """Payment by the row that made it, in the order of rows."""
    contexts: list[Context] = field(default_factory=list)
    """Beside `new`, when they were asked for."""
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


def merge_payments(run: Run, *, in_context: bool = False) -> MergedPayments:
    """Inside a transaction, after the stages are open and the first one is filled."""
    values = run.values()
    # 1. What is known already, and which rows cannot be.
    fresh, *flags = fetch(sql.FIND, values)[0]
    needs = Needs(fresh, *(bool(flag) for flag in flags))
    if needs.known:
        execute(sql.FIND_KNOWN, values)
    told_again = list(fetch(sql.NOT_FRESH)) if needs.known or needs.faults else []
    merged = MergedPayments()
    if needs.fresh:
        # 2. What the new payments need and nobody told before.
        for statement in _preparations(needs):
            execute(statement, values)
        # 3. The payments, each once.
        _make(merged, values, in_context)
    if doubles := len(merged.new) < needs.fresh:
        told_again += fetch(sql.DOUBLES, values)
    # 4. What became of those that were pending.
    merged.changed, refused = _move(run) if needs.known or doubles else ([], [])
    merged.faults = [(n, fault) for n, _known, fault in told_again if fault] + refused
    left_out = {n for n, _fault in merged.faults}
    merged.known = {n: payment for n, payment, _fault in told_again if n not in left_out}
    return merged


def _make(merged: MergedPayments, values: dict[str, Any], in_context: bool) -> None:
    for n, payment, *context in fetch(sql.PAYMENTS_IN_CONTEXT if in_context else sql.PAYMENTS, values):
        merged.new[n] = payment
        if in_context:
            merged.contexts.append(Context(*context))


def _preparations(needs: Needs) -> Iterator[str]:
    """A device made for a session must be there before it; a new session knows its device."""
    if needs.devices:
        yield sql.DEVICES
    if needs.devices_seen_earlier or needs.devices:
        yield sql.DEVICES_SEEN_EARLIER
    if needs.sessions:
        yield sql.SESSIONS
    if needs.session_devices:
        yield sql.SESSION_DEVICES
    if needs.methods:
        yield sql.METHODS


def _move(run: Run) -> tuple[list[int], list[tuple[int, str]]]:
    moves: dict[int, tuple[datetime, str, str, str]] = {}
    refused: list[tuple[int, str]] = []
    for n, external_id, payment, at, current, status, code, trace in _results(run):
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


def _results(run: Run) -> list[tuple[Any, ...]]:
    """Read again once their payments are locked: another batch may just have told the same results."""
    seen = fetch(sql.RESULTS, run.values())
    if not seen:
        return []
    execute(sql.LOCK_MOVED, {"ids": [row[2] for row in seen], "times": [row[3] for row in seen]})
    return fetch(sql.RESULTS, run.values())
