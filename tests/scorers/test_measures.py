"""Each measure against values worked out by hand, and the curves against scikit-learn on random columns."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from apps.fraud.scorers.measures import (
    NothingToMeasure,
    at_fpr,
    at_threshold,
    auc_roc,
    average_precision,
    brier,
    card_precision,
)

# Ten payments, frauds at ranks 1, 3 and 6.
TRUTH = [1, 0, 1, 0, 0, 1, 0, 0, 0, 0]
SCORES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    # Genuine payments below each fraud: 7, 6 and 4 of 7.
    assert auc_roc(TRUTH, SCORES) == pytest.approx((7 + 6 + 4) / 21)


def test_average_precision_is_the_mean_precision_at_each_fraud() -> None:
    assert average_precision(TRUTH, SCORES) == pytest.approx((1 / 1 + 2 / 3 + 3 / 6) / 3)


def test_a_score_that_says_nothing_is_worth_chance() -> None:
    same = [0.5] * 10
    assert auc_roc(TRUTH, same) == 0.5
    assert average_precision(TRUTH, same) == pytest.approx(0.3)


@pytest.mark.parametrize("seed", range(3))
def test_the_curves_are_those_of_scikit_learn_with_and_without_ties(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.random(500) < 0.1
    for scores in (random.random(500) + truth * 0.3, np.round(random.random(500) + truth * 0.3, 1)):
        assert auc_roc(truth, scores) == pytest.approx(roc_auc_score(truth, scores))
        assert average_precision(truth, scores) == pytest.approx(average_precision_score(truth, scores))


def test_recall_is_taken_at_the_lowest_threshold_that_keeps_the_rate() -> None:
    found = at_fpr(TRUTH, SCORES, 1 / 7)
    assert found is not None
    assert (found.threshold, found.fpr) == (0.7, pytest.approx(1 / 7))
    assert (found.recall, found.precision) == (pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_a_rate_of_nothing_stops_only_what_scores_above_every_genuine_payment() -> None:
    found = at_fpr(TRUTH, SCORES, 0.0)
    assert found is not None and (found.threshold, found.recall, found.precision) == (0.9, pytest.approx(1 / 3), 1.0)


def test_payments_of_one_score_are_stopped_together_or_not_at_all() -> None:
    found = at_fpr([1, 0, 0, 0], [0.5, 0.5, 0.1, 0.1], 0.2)
    assert found is not None and (found.threshold, found.recall, found.precision) == (float("inf"), 0.0, None)


def test_a_threshold_of_one_s_own_stops_what_lies_at_or_above_it() -> None:
    found = at_threshold(TRUTH, SCORES, 0.65)
    assert found is not None
    assert (found.threshold, found.recall, found.fpr) == (0.65, pytest.approx(2 / 3), pytest.approx(1 / 7))


def test_brier_is_the_mean_squared_distance() -> None:
    assert brier([1, 0], [0.8, 0.4]) == pytest.approx((0.04 + 0.16) / 2)


def test_the_customers_with_the_highest_score_of_the_day_are_looked_at() -> None:
    # Day 1: A at 0.9 by its second payment, which is genuine, compromised by its first; B 0.5, C 0.4 compromised.
    found = card_precision(
        [1, 1, 1, 1], ["A", "A", "B", "C"], [1, 0, 0, 1], [0.1, 0.9, 0.5, 0.4], top=2,
    )  # fmt: skip
    assert found is not None
    assert (found.mean, found.days, found.compromised) == (0.5, (0.5,), (2,))


def test_a_customer_found_one_day_is_not_looked_at_the_next() -> None:
    days, customers = [1, 1, 2, 2, 2], ["A", "B", "A", "B", "C"]
    truth, scores = [1, 0, 1, 0, 1], [0.9, 0.1, 0.9, 0.8, 0.7]
    found = card_precision(days, customers, truth, scores, top=1)
    assert found is not None and (found.days, found.compromised) == ((1.0, 0.0), (1, 1))
    again = card_precision(days, customers, truth, scores, top=1, forget_found=False)
    assert again is not None and (again.days, again.compromised) == ((1.0, 1.0), (1, 2))


def test_places_that_nobody_fills_count_as_genuine() -> None:
    found = card_precision([1], ["A"], [1], [0.3], top=100)
    assert found is not None and found.mean == 0.01


def test_of_equal_scores_whoever_paid_first_is_looked_at_first() -> None:
    first = card_precision([1, 1], ["Z", "A"], [1, 0], [0.5, 0.5], top=1)
    last = card_precision([1, 1], ["Z", "A"], [0, 1], [0.5, 0.5], top=1)
    assert first is not None and last is not None and (first.mean, last.mean) == (1.0, 0.0)


def test_where_a_side_is_missing_there_is_no_figure() -> None:
    assert auc_roc([0, 0], [0.1, 0.2]) is None and auc_roc([1, 1], [0.1, 0.2]) is None
    assert average_precision([0, 0], [0.1, 0.2]) is None
    assert at_fpr([0, 0], [0.1, 0.2], 0.01) is None and at_threshold([1], [0.5], 0.5) is None
    assert card_precision([], [], [], []) is None and brier([], []) is None


@pytest.mark.parametrize("scores", [[0.1], [0.1, float("nan")], [[0.1, 0.2]]])
def test_columns_with_gaps_or_of_other_lengths_are_refused(scores: list[float]) -> None:
    with pytest.raises(NothingToMeasure, match="as many scores as truths"):
        auc_roc([0, 1], scores)
