"""Which payments teach, which choose, and which judge. By time, with room between them for labels to arrive.

    train | gap | validation | gap | test | (too fresh)

A scorer that is trained today knows today's labels and decides on tomorrow's payments. "Today" is where the test period
begins: all that teaches and chooses has the labels that had arrived by then, and none that came later. The payments
just before, whose labels had mostly not arrived, would pass for genuine; they are left out. The same room lies between
training and validation, so that what is chosen is chosen at the distance at which it will decide.
The test period is looked at once, at the end; nothing is chosen on it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from django.utils.translation import gettext_lazy
from msgspec import Struct

from apps.fraud.scorers.training.plan import Plan
from apps.fraud.scorers.training.refusals import TooLittle, TooShort
from apps.fraud.scorers.training.rows import DAY, NEVER, Flags, Moments, Rows
from kivendtout.lib.clock import moment_of

# Labels of four frauds in five have arrived after the measured delay; waiting for the rest costs weeks of payments.
ARRIVED: Final = 0.8
# There are two gaps: longer ones would leave out more payments than they let in.
LONGEST_GAP: Final = 0.15
# Days are cut at midnight where there are enough of them; a shorter period is cut where its rows are.
DAYS_FOR_MIDNIGHT: Final = 20
FOLDS: Final = 2
NAMES: Final = {
    "training": gettext_lazy("training"),
    "validation": gettext_lazy("validation"),
    "test": gettext_lazy("test"),
}
NEEDED: Final = {"training": (1_000, 50), "validation": (300, 20), "test": (300, 20)}
# As much as a training itself needs. What does best with a dozen frauds does not with a hundred: a fold of 21 reached
# an average precision of 0.12 where validation reached 0.59, and passed over what did best there.
FOLD_NEEDED: Final = (NEEDED["training"][1], NEEDED["validation"][1])


class Part(Struct, frozen=True):
    """Rows from `start` up to `stop`, of payments from `begins` and before `ends`; labels as known `on`."""

    start: int
    stop: int
    begins: int
    ends: int
    on: int

    @property
    def rows(self) -> slice:
        return slice(self.start, self.stop)


class Split(Struct, frozen=True):
    train: Part
    validation: Part
    test: Part
    folds: tuple[tuple[Part, Part], ...]
    """Earlier in time, inside the training period: what parameters are searched on."""
    delay: int
    known_on: int

    @property
    def learned(self) -> Part:
        """All that may teach once everything is chosen: up to where the room before the test begins."""
        train, validation = self.train, self.validation
        return Part(train.start, validation.stop, train.begins, validation.ends, train.on)


def split_of(rows: Rows, plan: Plan, known_on: int) -> Split:
    delay = round(plan.label_delay_days * DAY) if plan.label_delay_days is not None else measured_delay(rows)
    usable = int(np.searchsorted(rows.at, known_on - delay, side="right"))
    at = rows.at[:usable]
    whole = (int(at[0]), int(at[-1]) + 1) if usable else (known_on, known_on)
    test = _cut(at, 1 - plan.test_share)
    validation = _cut(at[: np.searchsorted(at, test - delay)], 1 - plan.validation_share / (1 - plan.test_share))
    until = validation - delay
    if not whole[0] < until <= validation < test - delay <= test < whole[1]:
        raise TooShort(**_days(whole[0], max(whole[1] - 1, whole[0])), delay=f"{delay / DAY:g}")
    train = _part(rows, whole[0], until, test)
    found = Split(
        train,
        _part(rows, validation, test - delay, test),
        _part(rows, test, whole[1], known_on),
        tuple(_folds(rows, train, delay)),
        delay,
        known_on,
    )
    for name, part in (("training", found.train), ("validation", found.validation), ("test", found.test)):
        _require(rows, part, name)
    return found


def measured_delay(rows: Rows) -> int:
    """Whole days within which the labels of most frauds had arrived."""
    waited = (rows.known_at - rows.at)[rows.fraud & (rows.known_at < NEVER)]
    if not len(waited):
        return 0
    days = np.ceil(np.quantile(waited, ARRIVED) / DAY)
    return int(min(days * DAY, np.floor(LONGEST_GAP * float(rows.at[-1] - rows.at[0]) / DAY) * DAY))


def truth_of(rows: Rows, part: Part) -> Flags:
    return rows.known(part.on)[part.rows]


def _cut(at: Moments, share: float) -> int:
    if not len(at):
        return 0
    moment = int(at[min(int(len(at) * share), len(at) - 1)])
    long_enough = int(at[-1] - at[0]) >= DAYS_FOR_MIDNIGHT * DAY
    return moment // DAY * DAY if long_enough else moment


def _part(rows: Rows, begins: int, ends: int, on: int) -> Part:
    start, stop = (int(found) for found in np.searchsorted(rows.at, [begins, ends]))
    return Part(start, stop, begins, ends, on)


def _folds(rows: Rows, train: Part, delay: int) -> list[tuple[Part, Part]]:
    """Each begins where the one before it ended, and learns from all before it."""
    found = []
    at = rows.at[train.rows]
    cuts = [_cut(at, (FOLDS + n) / (2 * FOLDS)) for n in range(FOLDS)] + [train.ends]
    for begins, ends in pairwise(cuts):
        learned = _part(rows, train.begins, max(begins - delay, train.begins), train.on)
        tried = _part(rows, begins, ends, train.on)
        if all(int(truth_of(rows, part).sum()) >= few for part, few in zip((learned, tried), FOLD_NEEDED, strict=True)):
            found.append((learned, tried))
    return found


def _require(rows: Rows, part: Part, name: str) -> None:
    count, frauds = part.stop - part.start, int(truth_of(rows, part).sum())
    needed = NEEDED[name]
    if count < needed[0] or frauds < needed[1]:
        raise TooLittle(
            part=NAMES[name], rows=count, frauds=frauds, rows_needed=needed[0], frauds_needed=needed[1],
            **_days(part.begins, part.ends - 1),
        )  # fmt: skip


def _days(begins: int, ends: int) -> dict[str, str]:
    return {"begins": f"{moment_of(begins):%Y-%m-%d}", "ends": f"{moment_of(ends):%Y-%m-%d}"}
