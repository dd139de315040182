"""Parameters by successive halving: many sets on one fold and few rounds, the best third on every fold and in full.

What a trial is depends on the seed and its number alone. A budget of minutes bounds how many are tried; the number is
on record, and the same number tries the same sets anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from apps.fraud.scorers.training.fitting import PATIENCE, ROUNDS, Bench, Parameters
from apps.fraud.scorers.training.plan import Plan
from apps.fraud.scorers.training.rows import Rows
from apps.fraud.scorers.training.split import Split

FIRST_ROUNDS: Final = 150
FIRST_PATIENCE: Final = 20
# One in three goes on: three folds' worth of work then costs about what the first pass did.
GO_ON: Final = 3
FIRST_PASS: Final = 0.5
"""Of the budget."""
MOST_TRIALS: Final = 200
Clock = Callable[[], float]
Progress = Callable[[str], None]


def drawn(seed: int, number: int, first: Sequence[Parameters]) -> dict[str, Any]:
    """The first trials are known to do well: a search that finds nothing better costs nothing but time."""
    if number < len(first):
        return dict(first[number])
    draw = np.random.default_rng([seed, number])

    def between(low: float, high: float) -> float:
        """Small values are as likely as large ones."""
        return float(np.round(np.exp(draw.uniform(np.log(low), np.log(high))), 4))

    return {
        **first[0],
        "max_depth": int(draw.integers(3, 10)),
        "eta": between(0.05, 0.3),
        "min_child_weight": between(0.02, 10),
        "subsample": float(np.round(draw.uniform(0.5, 1.0), 3)),
        "colsample_bytree": float(np.round(draw.uniform(0.3, 1.0), 3)),
        "reg_lambda": between(0.1, 30),
        "gamma": between(0.01, 5) if draw.random() < 0.5 else 0.0,
    }


def searched(
    rows: Rows,
    split: Split,
    plan: Plan,
    first: Sequence[Parameters],
    fixed: Parameters,
    *,
    clock: Clock,
    progress: Progress,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The best parameters, and a line for each trial. `fixed` goes with every one of them, and is not told."""
    if not split.folds:
        return dict(first[-1]), []
    benches = [Bench(rows, learn, stop, seed=plan.seed, threads=plan.threads) for learn, stop in split.folds]
    trials: list[dict[str, Any]] = []
    until = clock() + 60 * plan.budget_minutes * FIRST_PASS
    while _more(len(trials), plan.trials, clock, until):
        parameters = drawn(plan.seed, len(trials), first)
        booster = benches[-1].fit({**fixed, **parameters}, rounds=FIRST_ROUNDS, patience=FIRST_PATIENCE)
        trials.append({"trial": len(trials), "parameters": parameters, "first": benches[-1].reached(booster)})
        progress(f"trial {len(trials)}")
    ranked = sorted(trials, key=lambda one: (-one["first"], one["trial"]))
    goes_on = ranked[: -(-len(ranked) // GO_ON)]
    for one in [*goes_on, *(one for one in trials[: len(first)] if one not in goes_on)]:
        progress(f"trial {one['trial'] + 1} on every fold")
        one["folds"] = [_full(bench, {**fixed, **one["parameters"]}) for bench in benches]
        one["average_precision"] = float(np.mean(one["folds"]))
    best = min((one for one in trials if "folds" in one), key=lambda one: (-one["average_precision"], one["trial"]))
    return best["parameters"], [{**one, "kept": one is best} for one in trials]


def _full(bench: Bench, parameters: Parameters) -> float:
    return bench.reached(bench.fit(parameters, rounds=ROUNDS, patience=PATIENCE))


def _more(done: int, trials: int | None, clock: Clock, until: float) -> bool:
    if trials is not None:
        return done < max(trials, 1)
    return done == 0 or (done < MOST_TRIALS and clock() < until)
