"""From margins to probabilities that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from apps.fraud.scorers.artefact import Calibration
from apps.fraud.scorers.scorer import calibrated
from apps.fraud.scorers.training.calibrating import chosen, isotonic, log_loss, platt, sigmoid
from apps.fraud.scorers.training.late import corrected
from apps.fraud.scorers.training.rows import Flags, Margins


def payments(count: int, slope: float, intercept: float, seed: int = 1) -> tuple[Margins, Flags]:
    """Margins whose odds are off by a line."""
    draw = np.random.default_rng(seed)
    margins = draw.normal(-2, 2, count).astype(np.float32)
    return margins, draw.random(count) < sigmoid(slope * margins.astype(np.float64) + intercept)


STEPPED = np.repeat([-4.0, -1.0, 0.0, 1.0, 5.0], 400).astype(np.float32)


def test_platt_finds_the_line_that_margins_are_off_by() -> None:
    found = platt(*payments(60_000, 0.6, -1.0))
    assert found.slope == pytest.approx(0.6, abs=0.03)
    assert found.intercept == pytest.approx(-1.0, abs=0.06)


def test_margins_that_rank_backwards_say_the_share_of_frauds_alone() -> None:
    margins, truth = payments(4000, -1.0, -2.0)
    said = calibrated(platt(margins, truth), margins)
    assert said == pytest.approx(truth.mean(), abs=0.01)
    assert (np.diff(said[np.argsort(margins)]) >= 0).all()


def test_isotonic_says_the_share_of_frauds_of_each_step() -> None:
    share = np.array([0.01, 0.02, 0.3, 0.35, 0.9])
    truth = np.concatenate([np.arange(400) < 400 * one for one in share])
    said = calibrated(isotonic(STEPPED, truth), np.unique(STEPPED))
    assert said == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_isotonic_ranks_as_the_margins_do_up_to_the_ends_and_beyond(seed: int) -> None:
    margins, truth = payments(900, 1.4, -0.5, seed)
    curve = isotonic(margins, truth)
    low, high = float(margins.min()), float(margins.max())
    said = calibrated(curve, np.linspace(low - 1, high + 1, 500, dtype=np.float32))
    assert (np.diff(said) > 0).all()
    assert said[0] > 0
    assert said[-1] < 1


def test_a_straight_line_is_left_to_platt() -> None:
    kept, table = chosen(*payments(3000, 0.8, 0.5))
    assert kept.method == "platt"
    assert [(one["method"], one["kept"]) for one in table] == [("none", False), ("platt", True), ("isotonic", False)]
    assert table[1]["log_loss"] < table[0]["log_loss"]


def test_steps_that_no_line_follows_are_left_to_the_isotonic_curve() -> None:
    draw = np.random.default_rng(3)
    margins = draw.uniform(-4, 4, 20_000).astype(np.float32)
    truth = draw.random(20_000) < np.where(margins > 1, 0.5, 0.02)
    kept, table = chosen(margins, truth)
    assert kept.method == "isotonic"
    assert table[2]["brier"] < table[1]["brier"]
    assert table[2]["log_loss"] < table[1]["log_loss"]


@pytest.mark.parametrize("method", [platt, isotonic])
def test_frauds_not_yet_reported_raise_the_odds_and_keep_the_ranks(method: type[Calibration]) -> None:
    margins, truth = payments(2000, 1.0, -1.0)
    before = method(margins, truth)  # type: ignore[arg-type]  # a function that makes one
    first, then = (calibrated(one, np.sort(margins)) for one in (before, corrected(before, 1.5)))
    assert (then > first).all()
    assert (np.diff(then) >= 0).all()
    assert corrected(before, 1.0) is before


def test_a_certain_mistake_costs_much_and_not_without_end() -> None:
    assert 15 < log_loss(np.array([True]), np.array([0.0])) < 25
