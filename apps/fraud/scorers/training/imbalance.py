"""Frauds are few. Four ways to learn from them all the same, each tried, the best on validation kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import xgboost
from msgspec import Struct
from numpy.typing import NDArray

from apps.fraud.scorers.measures import brier
from apps.fraud.scorers.training.calibrating import log_loss, sigmoid
from apps.fraud.scorers.training.fitting import PATIENCE, ROUNDS, Bench, Parameters, margins_of, odds_of
from apps.fraud.scorers.training.rows import Flags, Margins, Rows
from apps.fraud.scorers.training.split import Split, truth_of

# Genuine payments kept for each fraud: more of them teach little, and take as long.
KEPT_FOR_ONE: Final = 20
# Of the rounds without weights. Heavy weights go on gaining a little for many more, and are far behind by then.
MORE_ROUNDS: Final = 2
UNDERSAMPLING: Final = "undersampling"


class Tried(Struct, frozen=True, kw_only=True):
    name: str
    parameters: dict[str, Any]
    shift: float
    """Added to the margin, so that it speaks of all payments again and not of the weighted ones."""
    rounds: int
    average_precision: float
    brier: float
    log_loss: float
    booster: xgboost.Booster
    margins: Margins
    """On validation, as the booster gives them."""

    def told(self) -> dict[str, Any]:
        return {"name": self.name, **_figures(self)}


def compared(
    rows: Rows, split: Split, parameters: Parameters, trends: Parameters, *, seed: int, threads: int
) -> tuple[list[Tried], list[dict[str, Any]]]:
    """The simplest first, so that of equal ones the simplest is kept. And what the best reaches without `trends`."""
    truth = truth_of(rows, split.train)
    odds = odds_of(truth)
    bench = Bench(rows, split.train, split.validation, seed=seed, threads=threads)
    ways: list[tuple[str, Bench, dict[str, Any], float]] = [("none", bench, {}, 0.0)]
    for name, weight in (("weight_sqrt", float(np.sqrt(odds))), ("weight_full", odds)):
        ways.append((name, bench, {"scale_pos_weight": weight}, -float(np.log(weight))))
    if odds > KEPT_FOR_ONE:
        kept = KEPT_FOR_ONE / odds
        keep = undersampled(truth, kept, seed)
        few = Bench(rows, split.train, split.validation, seed=seed, threads=threads, keep=keep)
        ways.append((UNDERSAMPLING, few, {}, float(np.log(kept))))
    found = [tried("none", bench, {**parameters, **trends})]
    most = min(ROUNDS, MORE_ROUNDS * found[0].rounds + PATIENCE)
    for name, on, more, shift in ways[1:]:
        found.append(tried(name, on, {**parameters, **trends, **more}, shift=shift, rounds=most))
    best = best_of(found)
    name, on, more, shift = ways[found.index(best)]
    table = [{"trends": bool(trends), "kept": True, **_figures(best)}]
    if trends:
        table.append(
            {
                "trends": False,
                "kept": False,
                **_figures(tried(name, on, {**parameters, **more}, shift=shift, rounds=most)),
            }
        )
    return found, table


def best_of(found: Sequence[Tried]) -> Tried:
    return max(found, key=lambda one: one.average_precision)


def tried(name: str, bench: Bench, parameters: Parameters, *, shift: float = 0.0, rounds: int = ROUNDS) -> Tried:
    booster = bench.fit(parameters, rounds=rounds)
    margins = margins_of(booster, bench.stop_matrix)
    said = sigmoid(margins.astype(np.float64) + shift)
    return Tried(
        name=name,
        parameters=dict(parameters),
        shift=shift,
        rounds=booster.num_boosted_rounds(),
        average_precision=bench.reached(booster),
        brier=brier(bench.stop_truth, said) or 0.0,
        log_loss=log_loss(bench.stop_truth, said),
        booster=booster,
        margins=margins,
    )


def undersampled(truth: Flags, kept: float, seed: int) -> NDArray[np.int64]:
    """Every fraud, and this share of the rest."""
    return np.flatnonzero(truth | (np.random.default_rng(seed).random(len(truth)) < kept))


def _figures(one: Tried) -> dict[str, Any]:
    names = ("rounds", "average_precision", "brier", "log_loss")
    return {name: getattr(one, name) for name in names}
