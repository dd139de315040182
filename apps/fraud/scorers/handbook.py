"""The Fraud Detection Handbook's protocol: a week to learn, a week for labels to arrive, a week to be tested.

As its authors run it ("Baseline fraud detection system", get_train_test_set and card_precision_top_k): of each test day
those customers are left out of whom a fraud was known that morning, a week being what it takes to know one. So a scorer
is asked for what nobody knows yet. And whom it finds on one day is blocked, and cannot be found again on the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
from django.utils.translation import gettext_noop
from msgspec import Struct
from numpy.typing import NDArray

from apps.fraud.scorers.measures import auc_roc, average_precision, card_precision
from apps.fraud.scorers.training.rows import DAY, Rows
from kivendtout.lib.clock import event_time
from kivendtout.lib.errors import InvalidInput

Indices = NDArray[np.int64]
Scores = NDArray[np.float32]
Fit = Callable[[Indices, Indices], Scores]
"""Learn from the first rows, score the second. Labels of the second are not for it to see."""

LEARN: Final = 7
DELAY: Final = 7
TEST: Final = 7
# The first days of training. The last of their tests ends with the file's last week but one.
WEEKS: Final = (date(2018, 6, 27), date(2018, 7, 4), date(2018, 7, 11), date(2018, 7, 18))
# Everything is chosen on these: the last of their tests ends on 2018-07-10, the day before the first test above begins.
# Nine, because one week's AUC moves by 0.01 with nothing but luck. Before 25 April the file has less behind it than the
# windows of 30 days and the frauds that run for 28 need.
CHOICE: Final = tuple(date(2018, 4, 25) + timedelta(weeks=week) for week in range(9))
FLOORS: Final = {"auc": 0.885, "average_precision": 0.70, "card_precision_100": 0.28}


class NoSuchWeek(InvalidInput):
    code = "handbook_week_absent"
    message = gettext_noop(
        "The payments do not cover the protocol from %(start)s: %(problem)s. Take the handbook's whole file."
    )


class Measured(Struct, frozen=True, kw_only=True):
    """One run of the protocol."""

    start: str
    learned: int
    tested: int
    frauds: int
    auc: float
    average_precision: float
    card_precision_100: float


class Mean(Struct, frozen=True, kw_only=True):
    auc: float
    average_precision: float
    card_precision_100: float

    def reached(self) -> dict[str, bool]:
        return {name: getattr(self, name) >= floor for name, floor in FLOORS.items()}


def first_test_day(start: date) -> date:
    return start + timedelta(days=LEARN + DELAY)


def week_rows(rows: Rows, start: date) -> tuple[Indices, Indices]:
    """Which rows teach, and which are tested, of the protocol whose training begins on this day (UTC)."""
    day = rows.at // DAY
    first = event_time(datetime(start.year, start.month, start.day, tzinfo=UTC)) // DAY
    learn = np.flatnonzero((day >= first) & (day < first + LEARN))
    test = []
    for today in range(first + LEARN + DELAY, first + LEARN + DELAY + TEST):
        # A fraud of the eighth day before today was known when today began; that of the seventh becomes known today.
        known = np.unique(rows.customers[rows.fraud & (day >= first) & (day < today - DELAY)])
        test.append(np.flatnonzero((day == today) & ~np.isin(rows.customers, known)))
    return learn, np.concatenate(test)


def week_measured(rows: Rows, start: date, fit: Fit) -> Measured:
    learn, test = week_rows(rows, start)
    truth = rows.fraud[test]
    if not rows.fraud[learn].any() or rows.fraud[learn].all():
        raise NoSuchWeek(start=start, problem="its week of training has no two kinds of payments to tell apart")
    if not truth.any() or truth.all():
        raise NoSuchWeek(start=start, problem="its week of testing has no two kinds of payments to tell apart")
    scores = fit(learn, test)
    cards = card_precision(rows.at[test] // DAY, rows.customers[test], truth, scores)
    area, precision = auc_roc(truth, scores), average_precision(truth, scores)
    assert cards is not None and area is not None and precision is not None
    return Measured(
        start=start.isoformat(),
        learned=len(learn),
        tested=len(test),
        frauds=int(truth.sum()),
        auc=area,
        average_precision=precision,
        card_precision_100=cards.mean,
    )


def mean_of(weeks: Sequence[Measured]) -> Mean:
    return Mean(**{name: float(np.mean([getattr(week, name) for week in weeks])) for name in FLOORS})
