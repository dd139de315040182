"""Log-odds into shares of the probability: grouped by fact, walked from the base, ending where the scorer ended."""

from __future__ import annotations

import msgspec
import pytest

from apps.fraud.engine.features.catalogue import INDEX
from apps.fraud.scorers.artefact import Calibration
from apps.fraud.scorers.explain import MOST_FACTS, Walk, said, walk
from apps.fraud.scorers.scorer import Contributions, Scorer
from tests.scorers.small import small_rows, small_trained

PLATT = Calibration("platt", 1.0, 0.0)
NAMES = ["card_attempts_1h", "card_attempts_24h", "amount_ratio", "new_device", "hour"]


def found(*values: float, base: float = -3.0, probability: float = 0.5) -> Walk:
    return walk(NAMES, Contributions(base, values, base + sum(values), probability), PLATT)


def test_windows_of_one_count_are_one_fact_that_weighs_their_sum() -> None:
    [first, second] = found(0.8, 0.7, 1.0, 0.0, 0.0).facts
    assert (first.family, first.weight) == ("card_attempts", pytest.approx(1.5))
    assert first.columns == (("card_attempts_1h", 0.8), ("card_attempts_24h", 0.7))
    assert second.family == "amount"


def test_the_weightiest_is_walked_first_whichever_way_it_pulls() -> None:
    assert [fact.family for fact in found(0.1, 0.0, 1.0, -2.0, 0.5).facts] == [
        "device_known", "amount", "hour", "card_attempts",
    ]  # fmt: skip


def test_a_sentence_speaks_of_the_feature_that_pulls_the_facts_own_way() -> None:
    [fact] = found(-2.0, 3.0, 0.0, 0.0, 0.0).facts
    assert fact.columns[0] == ("card_attempts_24h", 3.0)


def test_what_weighs_next_to_nothing_is_left_to_the_other_signals() -> None:
    assert [fact.family for fact in found(1.0, 0.0, 0.001, 0.0, 0.0).facts] == ["card_attempts"]


def test_the_walk_begins_at_the_base_and_ends_at_the_scorers_own_probability() -> None:
    scorer = Scorer(small_trained().artefact)
    rows, _truth = small_rows(40, seed=5)
    for row, one in zip(rows, scorer.contributions(rows), strict=True):
        told = walk(scorer.names, one, scorer.header.calibration)
        assert told.probability == scorer.probabilities([row])[0]
        assert len(told.facts) <= MOST_FACTS
        shares = [fact.share for fact in said(told, row, INDEX)]
        rest = told.probability - (told.facts[-1].probability if told.facts else told.start)
        assert told.start + sum(shares) + rest == pytest.approx(told.probability, abs=1e-9)
        assert abs(rest) < 0.02


def test_a_kept_walk_is_read_back_as_it_was() -> None:
    told = found(0.8, 0.7, 1.0, -0.5, 0.25)
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(told)), Walk) == told


def test_an_isotonic_step_may_put_a_facts_share_at_nothing() -> None:
    flat = Calibration("isotonic", margins=(-10.0, 0.0, 10.0), probabilities=(0.2, 0.2, 0.9))
    told = walk(NAMES, Contributions(-3.0, (1.0, 0.0, 0.5, 0.0, 0.0), -1.5, 0.2), flat)
    assert [one.share for one in said(told, [None] * len(INDEX), INDEX)] == [0.0, 0.0]
