"""The forest by itself: planted payments are found, and for the right reasons."""

from __future__ import annotations

import numpy as np
import pytest

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.anomaly.detector import MOST_NAMED, Detector, Named
from apps.fraud.scorers.anomaly.field import Field
from apps.fraud.scorers.anomaly.norm import norm_of
from apps.fraud.scorers.anomaly.payments import FIELDS, NAMES
from apps.fraud.scorers.anomaly.words import PAYMENTS, sentences
from tests.scorers.anomaly.people import columns_of, payments

COUNT = 3_000
# By place among the ordinary ones: what was planted there.
PLANTED: dict[int, dict[str, Value]] = {
    100: {"amount_eur": 4_950.0, "amount_ratio": 61.0, "payment_country": "NG", "hour": 3},
    200: {"customer_attempts_1h": 40, "device_attempts_1h": 44, "device_customers_30d": 17, "amount_eur": 0.5},
    300: {
        "ip_country": "KP",
        "payment_country": "KP",
        "new_country": True,
        "new_device": True,
        "account_age_days": 0.1,
    },
}


@pytest.fixture(scope="module")
def columns() -> dict[str, list[Value]]:
    rows = payments(COUNT)
    for place, odd in PLANTED.items():
        rows[place] |= odd
    return columns_of(rows)


@pytest.fixture(scope="module")
def forest(columns: dict[str, list[Value]]) -> Detector:
    return Detector(FIELDS, columns)


def named_of(forest: Detector, columns: dict[str, list[Value]], place: int) -> list[Named]:
    return forest.why(columns, place)


def test_planted_payments_are_among_the_five_oddest_of_three_thousand(
    forest: Detector, columns: dict[str, list[Value]]
) -> None:
    scores = forest.scores(columns)
    assert set(PLANTED) < set(np.argsort(-scores)[:5].tolist())


@pytest.mark.parametrize("place", PLANTED)
def test_what_was_planted_is_named(forest: Detector, columns: dict[str, list[Value]], place: int) -> None:
    named = {one.field.name for one in named_of(forest, columns, place)}
    assert named <= set(PLANTED[place])
    assert len(named) >= 3


def test_named_fields_share_the_oddness_between_them(forest: Detector, columns: dict[str, list[Value]]) -> None:
    parts = [one.part for one in named_of(forest, columns, 100)]
    assert parts == sorted(parts, reverse=True)
    assert 0.9 < sum(parts) <= 1.0 + 1e-9
    assert len(parts) <= MOST_NAMED


def test_a_row_needs_both_a_score_and_enough_that_is_odd_about_it() -> None:
    """Where hardly anything differs, the least difference stands alone, and nobody would call it odd."""
    same: dict[str, list[Value]] = {"a": [5] * 990 + [6] * 10, "b": [1] * 1_000}
    fields = [Field("a", "count", "x", "a", "a"), Field("b", "count", "y", "b", "b")]
    forest = Detector(fields, same)
    assert forest.scores(same).max() > 0.7
    assert forest.odd(same, 0.0) == []
    far: dict[str, list[Value]] = {"a": [500], "b": [70]}
    assert [place for _score, place in forest.odd(far, 0.0)] == [0]
    assert forest.odd(far, 0.999) == []


def test_the_same_rows_make_the_same_forest(columns: dict[str, list[Value]], forest: Detector) -> None:
    again = Detector(FIELDS, columns)
    assert again.digest == forest.digest
    assert (again.scores(columns) == forest.scores(columns)).all()
    assert Detector(FIELDS, columns, seed=1).digest != forest.digest


def test_a_threshold_lets_no_more_through_than_its_share(forest: Detector, columns: dict[str, list[Value]]) -> None:
    scores = forest.scores(columns)
    for share in (0.0, 0.001, 0.01, 0.2, 1.0):
        assert (scores >= forest.threshold(share)).sum() <= share * COUNT + 1e-9
    assert forest.unusual(float(scores[100])) > 0.999


def test_what_is_missing_is_no_surprise(forest: Detector) -> None:
    nothing: dict[str, list[Value]] = {name: [None] for name in NAMES}
    assert forest.scores(nothing)[0] == forest.sample_scores[0]
    assert forest.why(nothing, 0) == []


def test_a_field_that_nobody_told_does_no_harm() -> None:
    columns: dict[str, list[Value]] = {"a": [None] * 50, "b": [float(one) for one in range(50)]}
    forest = Detector([Field("a", "choice", "x", "a", "a"), Field("b", "amount", "y", "b", "b")], columns)
    assert np.isfinite(forest.scores(columns)).all()


def test_one_of_many_equal_choices_is_no_surprise_and_a_rare_one_is() -> None:
    hour = Field("hour", "choice", "time", "heure", "hour")
    flat = norm_of(hour, [one % 24 for one in range(2_400)])
    assert flat.surprise([3]).tolist() == [0.0]
    steep = norm_of(hour, [12] * 999 + [3])
    assert steep.surprise([12, 3, 4]).tolist() == pytest.approx([0.0, 5.64, 6.64], abs=0.01)


def test_little_of_an_amount_surprises_and_little_of_a_count_does_not() -> None:
    values: list[Value] = [float(one) for one in range(100, 1_100)]
    amount = norm_of(Field("a", "amount", "x", "a", "a"), values)
    count = norm_of(Field("a", "count", "x", "a", "a"), values)
    assert amount.surprise([1.0])[0] > 5
    assert count.surprise([1.0])[0] == 0
    assert count.surprise([5_000.0])[0] > count.surprise([1_099.0])[0] > 5
    assert amount.surprise([600.0])[0] == 0


def test_the_forest_looks_at_no_verdict_and_no_card_digits() -> None:
    assert not {name for name in NAMES if "fraud" in name}
    assert not {"card_bin", "merchant", "utm_campaign"} & set(NAMES)
    assert set(NAMES) <= set(CATALOGUE)


def test_a_sentence_says_value_what_is_usual_and_how_rare_that_is(
    forest: Detector, columns: dict[str, list[Value]]
) -> None:
    by_name = {one.field.name: sentences(one, PAYMENTS) for one in named_of(forest, columns, 100)}
    assert by_name["amount_eur"]["en"].startswith("amount in euros, at the reference rate: 4,950 (usually ")
    assert by_name["amount_eur"]["fr"].startswith(
        "montant en euros, au cours de référence\u00a0: 4\u202f950 (d'ordinaire "
    )
    assert by_name["payment_country"]["en"].endswith("NG (usually FR, BE, DE; 0.067% of payments are as rare)")
    assert by_name["payment_country"]["fr"].endswith("0,067\u00a0% des paiements sont aussi rares)")
