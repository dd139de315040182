"""Which settings the protocol is run with: the best of a fixed list on weeks that end before its first test begins.

The list is short, and all of it is printed: so many tries on nine weeks find little that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from msgspec import Struct

from apps.fraud.scorers.defaults import FEW_FRAUDS, FEW_FRAUDS_ROUNDS
from apps.fraud.scorers.handbook import CHOICE, Mean, mean_of, week_measured
from apps.fraud.scorers.handbook_fit import FEATURES, ORDINARY, Settings, fitter
from apps.fraud.scorers.training.rows import Rows


class Choice(Struct, frozen=True, kw_only=True):
    name: str
    settings: Settings
    mean: Mean

    @property
    def worth(self) -> tuple[bool, float]:
        """AUC is the figure that is hard to reach, but the two others may not be sold for it."""
        reached = self.mean.reached()
        return reached["average_precision"] and reached["card_precision_100"], self.mean.auc


def _with(
    name: str,
    *,
    features: tuple[str, ...] = FEATURES,
    rounds: int = FEW_FRAUDS_ROUNDS,
    trends: bool = False,
    ordinary: float | None = ORDINARY,
    **more: float,
) -> tuple[str, Settings]:
    parameters = {**FEW_FRAUDS, **more}
    return name, Settings(parameters=parameters, features=features, rounds=rounds, trends=trends, ordinary=ordinary)


# What ships stands first, and is kept where nothing is better.
CANDIDATES: Final = (
    _with("as shipped"),
    _with("all features", features=()),
    _with("all features and frauds", features=(), ordinary=None),
    _with("all frauds", ordinary=None),
    _with("with the catalogue's trends", trends=True),
    _with("fewer frauds set aside", ordinary=0.8),
    _with("more frauds set aside", ordinary=0.95),
    _with("depth 4", max_depth=4),
    _with("80 rounds", rounds=80),
    _with("half of the columns a tree", colsample_bytree=0.5),
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
    return sorted(found, key=lambda one: one.worth, reverse=True)
