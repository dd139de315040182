"""Which settings the protocol is run with: the best of a fixed list on weeks that end before its first test begins.

The list is short, and all of it is printed: so many tries on five weeks find little that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from msgspec import Struct

from apps.fraud.scorers.defaults import FEW_FRAUDS, FEW_FRAUDS_ROUNDS
from apps.fraud.scorers.handbook import CHOICE, Mean, mean_of, week_measured
from apps.fraud.scorers.handbook_fit import Settings, fitter
from apps.fraud.scorers.training.rows import Rows


class Choice(Struct, frozen=True, kw_only=True):
    name: str
    settings: Settings
    mean: Mean

    @property
    def worth(self) -> float:
        """The three figures of the bar together: none of them may be bought with another."""
        return self.mean.auc + self.mean.average_precision + self.mean.card_precision_100


def _with(name: str, *, rounds: int = FEW_FRAUDS_ROUNDS, trends: bool = False, **more: float) -> tuple[str, Settings]:
    return name, Settings(parameters={**FEW_FRAUDS, **more}, rounds=rounds, trends=trends)


# What ships stands first, and is kept where nothing is better.
CANDIDATES: Final = (
    _with("as shipped"),
    _with("with the catalogue's trends", trends=True),
    _with("depth 3", max_depth=3),
    _with("depth 4", max_depth=4),
    _with("depth 6", max_depth=6),
    _with("80 rounds", rounds=80),
    _with("110 rounds", rounds=110),
    _with("twice as fast, half the rounds", eta=0.1, rounds=FEW_FRAUDS_ROUNDS // 2),
    _with("leaves of 4", min_child_weight=4.0),
    _with("leaves of 12", min_child_weight=12.0),
    _with("half of the payments a tree", subsample=0.5),
    _with("7 columns of 10 a tree", colsample_bytree=0.7),
    _with("half of the columns a tree", colsample_bytree=0.5),
    _with("less shrinkage", reg_lambda=2.0),
    _with("more shrinkage", reg_lambda=10.0),
)


def choice_made(
    rows: Rows,
    *,
    candidates: Sequence[tuple[str, Settings]] = CANDIDATES,
    weeks: Sequence[date] = CHOICE,
    threads: int = 1,
    progress: Callable[[str], None] = lambda _step: None,
) -> list[Choice]:
    """The best first; of equals, the one that stands first in the list."""
    found = []
    for name, settings in candidates:
        fit = fitter(rows, settings, threads=threads)
        found.append(Choice(name=name, settings=settings, mean=mean_of([week_measured(rows, w, fit) for w in weeks])))
        progress(f"tried {len(found)} of {len(candidates)}: {name}")
    return sorted(found, key=lambda one: -one.worth)
