"""Parameters are searched within a budget, and the same number of trials finds the same ones."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.scorers.training.defaults import FIRST, STARTING
from apps.fraud.scorers.training.plan import Plan
from apps.fraud.scorers.training.reading import MatrixFile
from apps.fraud.scorers.training.rows import DAY, Rows
from apps.fraud.scorers.training.search import GO_ON, drawn, searched
from apps.fraud.scorers.training.split import Split, split_of

PLAN = Plan(threads=1, seed=3, budget_minutes=4.0, label_delay_days=4)
FEW = ("amount_ratio", "customer_failures_1h", "new_device")


@pytest.fixture(scope="module")
def data(many_frauds: Path) -> tuple[Rows, Split]:
    file = MatrixFile(many_frauds, CATALOGUE)
    split = split_of(file.times(), PLAN, int(file.at[-1]) + 10 * DAY)
    return file.rows(file.features(FEW), split.train.rows), split


def search(data: tuple[Rows, Split], plan: Plan = PLAN, minutes_a_look: int = 1) -> tuple[dict[str, Any], list[Any]]:
    """Each look at the clock is so many minutes after the one before."""
    ticks = count()
    return searched(
        *data, plan, FIRST, {}, clock=lambda: 60.0 * minutes_a_look * next(ticks), progress=lambda _step: None
    )


def test_a_trial_depends_on_the_seed_and_its_number_alone() -> None:
    assert drawn(3, 5, FIRST) == drawn(3, 5, FIRST)
    assert drawn(3, 5, FIRST) != drawn(4, 5, FIRST)
    assert drawn(3, 5, FIRST) != drawn(3, 6, FIRST)


def test_the_first_trials_are_those_known_to_do_well() -> None:
    assert [drawn(3, number, FIRST) for number in range(len(FIRST))] == list(FIRST)


def test_the_budget_bounds_how_many_are_tried(data: tuple[Rows, Split]) -> None:
    _best, trials = search(data)
    assert len(trials) == 2  # one more minute would pass half of the budget; the rest is for every fold


def test_the_same_number_of_trials_repeats_a_run_whatever_time_it_takes(data: tuple[Rows, Split]) -> None:
    best, trials = search(data)
    plan = msgspec.structs.replace(PLAN, trials=len(trials))
    assert search(data, plan, minutes_a_look=1000) == (best, trials)


def test_at_least_the_defaults_are_tried(data: tuple[Rows, Split]) -> None:
    _best, trials = search(data, minutes_a_look=1000)
    assert [one["parameters"] for one in trials] == [STARTING]


def test_the_best_third_and_the_defaults_go_on_to_every_fold(data: tuple[Rows, Split]) -> None:
    best, trials = search(data, msgspec.structs.replace(PLAN, trials=4))
    ranked = sorted(trials, key=lambda one: -one["first"])
    through = {one["trial"] for one in trials if "folds" in one}
    assert through == {one["trial"] for one in ranked[: -(-4 // GO_ON)]} | {0, 1}
    kept = [one for one in trials if one["kept"]]
    assert [one["parameters"] for one in kept] == [best]
    assert kept[0]["average_precision"] == max(one["average_precision"] for one in trials if "folds" in one)


def test_without_frauds_enough_for_folds_what_is_known_to_do_well_with_few_is_kept(data: tuple[Rows, Split]) -> None:
    rows, split = data
    assert search((rows, msgspec.structs.replace(split, folds=()))) == (FIRST[-1], [])
