"""The past, replayed through the code that scores live: one feature row a payment, as it was when it was judged.

Payments in the order of event time, labels when they became known. A payment is judged as it was first told, and is
remembered with its result: what came after it knows how it ended. Nothing else of the future reaches a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop
from msgspec import Struct

from apps.compliance.models import Tenant
from apps.fraud.engine.event import payment_key
from apps.fraud.engine.features.catalogue import compute_row
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.history import History
from apps.fraud.selectors.attempts import Attempt, Truth, attempts_in_order, labels_in_order, truths
from apps.fraud.services.feature_matrix import MatrixRow, MatrixWriter
from apps.fraud.state.feature_state import FeatureState
from apps.fraud.state.history_state import HistoryState
from kivendtout.lib.clock import EPOCH, event_time, moment_of
from kivendtout.lib.errors import InvalidInput
from kivendtout.lib.tenancy import tenant_scope

# Rows turned into columns, and looked up for their labels, at once.
TOGETHER: Final = 5_000
Progress = Callable[[int, int], None]
"""Payments replayed so far, rows written so far."""


class PeriodEmpty(InvalidInput):
    code = "invalid_period"
    message = gettext_noop("The period ends before it begins. Give a later end.")


class Period(Struct, frozen=True):
    """From `start`, and before `end`; None leaves that side open."""

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.start and self.end and self.end <= self.start:
            raise PeriodEmpty


EVER: Final = Period()


@dataclass
class Exported:
    rows: int = 0
    frauds: int = 0
    labelled: int = 0
    warmed: int = 0
    """Payments before the period, replayed only so that its first rows know their past."""
    history_from: datetime | None = None
    """The oldest payment replayed: how far back the rows can see."""


def features_export(
    *,
    tenant: Tenant,
    path: Path,
    period: Period = EVER,
    known_on: datetime | None = None,
    recorded_on: datetime | None = None,
    progress: Progress | None = None,
) -> Exported:
    """The period's feature matrix. All earlier payments are replayed: averages and first sights have no window.

    With labels as the world knew them on a date, or as this system had recorded them by then (docs/labels.md).
    """
    done, zone, start = Exported(), ZoneInfo(tenant.time_zone), event_time(period.start or EPOCH)
    waiting: list[tuple[Attempt, list[Value]]] = []
    told = partial(truths, tenant.pk, known_on=known_on, recorded_on=recorded_on)
    with tenant_scope(tenant.pk), MatrixWriter(path) as writer:
        replayed = payments_replayed(tenant_id=tenant.pk, until=period.end, known_on=known_on, recorded_on=recorded_on)
        for attempt, history in replayed:
            done.history_from = done.history_from or moment_of(attempt.told.at)
            if attempt.told.at < start:
                done.warmed += 1
            else:
                waiting.append((attempt, compute_row(attempt.told, history, zone)))
            if len(waiting) == TOGETHER or (done.warmed + 1) % TOGETHER == 0:
                waiting = _write(told, writer, waiting, done, progress)
        _write(told, writer, waiting, done, progress)
    return done


def payments_replayed(
    *,
    tenant_id: int,
    until: datetime | None = None,
    state: FeatureState | None = None,
    known_on: datetime | None = None,
    recorded_on: datetime | None = None,
) -> Iterator[tuple[Attempt, History]]:
    """Each payment with what was known when it was attempted. Read the history before asking for the next one."""
    state = state or HistoryState()
    labels = labels_in_order(tenant_id, known_on=known_on, recorded_on=recorded_on)
    label = next(labels, None)
    attempts = chain.from_iterable(attempts_in_order(tenant_id, until=until))
    # Payments of one instant have an order that state keeps, and the database does not.
    for at, group in groupby(attempts, key=lambda attempt: attempt.told.at):
        while label is not None and label.known_at <= at:
            state.label(tenant_id, [label], now=at)
            label = next(labels, None)
        together = sorted(group, key=lambda one: payment_key(one.told.payment_id))
        if isinstance(state, HistoryState):
            yield from _asked_and_told(state, tenant_id, together)
            continue
        histories = state.observe(tenant_id, [one.became for one in together], now=at)
        if len(together) > 1:
            histories = state.look(tenant_id, [one.became for one in together])
        yield from zip(together, histories, strict=True)


def _asked_and_told(state: HistoryState, tenant_id: int, together: list[Attempt]) -> Iterator[tuple[Attempt, History]]:
    """Each asked for before it is told: its logs then need no second look."""
    for one in together:
        yield one, state.before(tenant_id, one.became)
        state.add(tenant_id, one.became)


def _write(
    told: Callable[[Sequence[int]], dict[int, Truth]],
    writer: MatrixWriter,
    waiting: list[tuple[Attempt, list[Value]]],
    done: Exported,
    progress: Progress | None,
) -> list[tuple[Attempt, list[Value]]]:
    known = told([attempt.reference for attempt, _values in waiting])
    rows = [
        MatrixRow(attempt.reference, attempt.told, values, *(known.get(attempt.reference) or (None, None)))
        for attempt, values in waiting
    ]
    writer.write(rows)
    done.rows += len(rows)
    done.labelled += len(known)
    done.frauds += sum(1 for truth in known.values() if truth.is_fraud)
    if progress:
        progress(done.warmed + done.rows, done.rows)
    return []
