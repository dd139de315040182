"""Thresholds by what mistakes cost."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from apps.fraud.engine.decide import Inputs, Policy, RuleHit, decide
from apps.fraud.scorers.training.operating import (
    ALLOW,
    CHALLENGE,
    DENY,
    RulesSaid,
    believed,
    cheapest,
    chosen,
    combined,
    cost_at,
    costs_of,
    outcomes,
    silent,
)
from apps.fraud.scorers.training.plan import Costs, costs_read
from apps.fraud.scorers.training.refusals import CostsRefused
from apps.fraud.scorers.training.rows import Flags, Floats

COSTS = Costs()


def payments(seed: int, count: int = 60) -> tuple[Floats, Flags, Floats, RulesSaid]:
    draw = np.random.default_rng(seed)
    fraud = draw.random(count) < 0.3
    said: Floats = np.clip(draw.normal(np.where(fraud, 0.6, 0.3), 0.2), 0, 1).round(1)
    rules = RulesSaid(
        draw.integers(0, 3, count) * 30,
        draw.choice([ALLOW, ALLOW, ALLOW, CHALLENGE, DENY], count).astype(np.int8),
        draw.random(count) < 0.1,
    )
    return said, fraud, np.round(draw.lognormal(4, 1, count), 2), rules


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("most", [0.1, 0.3, 1.0])
def test_no_other_pair_of_thresholds_costs_less(seed: int, most: float) -> None:
    said, fraud, amounts, rules = payments(seed)
    score, prices = combined(said, rules, 0.7), costs_of(fraud, amounts, COSTS)

    def touched(challenge: float, deny: float) -> float:
        return float((outcomes(score, rules, challenge, deny)[~fraud] > ALLOW).mean())

    found = cheapest(score, rules, fraud, prices, most)
    unavoidable = touched(2.0, 2.0)
    places = [*np.unique(score), 2.0]
    costs = [
        cost_at(outcomes(score, rules, challenge, deny), prices)
        for challenge, deny in product(places, places)
        if challenge <= deny and touched(challenge, deny) <= max(most, unavoidable)
    ]
    assert found[0] <= found[1]
    assert cost_at(outcomes(score, rules, *found), prices) <= min(costs) + 1e-6
    assert touched(*found) <= max(most, unavoidable)


@pytest.mark.parametrize("seed", range(3))
def test_outcomes_are_those_that_decide_gives(seed: int) -> None:
    said, _fraud, _amounts, rules = payments(seed)
    policy = Policy(challenge=0.35, deny=0.55, scorer_weight=0.6)
    actions = {ALLOW: "", CHALLENGE: "challenge", DENY: "deny"}
    expected = []
    for probability, points, floor, allowed in zip(said, rules.points, rules.floor, rules.allowed, strict=True):
        hits = [RuleHit("P", 1, int(points), "", "LOW", "", ""), RuleHit("H", 1, 0, actions[int(floor)], "LOW", "", "")]
        hits += [RuleHit("A", 1, 0, "allow", "LOW", "", "")] if allowed else []
        inputs = Inputs(policy=policy, rules=tuple(hits), scorer="ok", scorer_score=float(probability))
        expected.append(int(decide(inputs).result))
    assert outcomes(combined(said, rules, 0.6), rules, 0.35, 0.55).tolist() == expected


def test_costs_are_those_of_the_mistakes() -> None:
    fraud, amounts = np.array([True, False]), np.array([100.0, 100.0])
    costs = Costs(chargeback_fee=20, challenge=2, challenge_stops=0.75, declined_share=0.1, declined=5,
                  analyst_minutes=6, analyst_hour=30)  # fmt: skip
    assert costs.alert == 3
    assert costs_of(fraud, amounts, costs).tolist() == [[120, 3 + 30, 3], [0, 3 + 2, 3 + 10 + 5]]


def test_dear_frauds_move_the_thresholds_down_and_annoyed_customers_up() -> None:
    draw = np.random.default_rng(1)
    said = draw.beta(0.4, 4, 4000)
    fraud, amounts = draw.random(4000) < said, np.full(4000, 80.0)

    def challenge(costs: Costs) -> float:
        return chosen(said, None, fraud, amounts, costs=costs, most_touched=1.0)[0].challenge

    usual = challenge(COSTS)
    assert challenge(Costs(chargeback_fee=500)) < usual < challenge(Costs(challenge=30))


def test_no_more_good_payments_are_touched_than_allowed() -> None:
    draw = np.random.default_rng(1)
    said = draw.beta(0.4, 4, 4000)
    fraud, amounts = draw.random(4000) < said, np.full(4000, 5000.0)
    for most in (0.0, 0.01, 0.05):
        point, _table = chosen(said, None, fraud, amounts, costs=COSTS, most_touched=most)
        assert (said[~fraud] >= point.challenge).mean() <= most
        assert point.challenge <= point.deny <= 1


def test_without_rules_the_scorer_decides_alone() -> None:
    said, fraud, amounts, _rules = payments(1)
    point, table = chosen(said, None, fraud, amounts, costs=COSTS, most_touched=0.5)
    assert point.weight == 1.0
    assert [one["weight"] for one in table] == [1.0]


def test_rules_that_know_what_the_scorer_does_not_are_given_weight() -> None:
    draw = np.random.default_rng(2)
    fraud = draw.random(5000) < 0.05
    told = fraud & (draw.random(5000) < 0.8)
    said = np.clip(draw.normal(np.where(fraud, 0.12, 0.05), 0.05), 0.001, 1)
    rules = RulesSaid(told * 90, np.zeros(5000, np.int8), np.zeros(5000, bool))
    point, table = chosen(said, rules, fraud, np.full(5000, 100.0), costs=COSTS, most_touched=0.05)
    assert point.weight < 1
    (kept,) = [one for one in table if one["kept"]]
    assert kept["cost"] == min(one["cost"] for one in table)


def test_rules_that_say_nothing_are_given_none() -> None:
    said, fraud, amounts, _rules = payments(3, 500)
    point, _table = chosen(said, silent(500), fraud, amounts, costs=COSTS, most_touched=0.5)
    assert point.weight == 1.0


def test_few_frauds_count_for_less_than_many() -> None:
    said, rules = np.full(10_000, 0.02), silent(10_000)
    few, many = np.arange(10_000) < 20, np.arange(10_000) < 2_000
    assert believed(few, said, rules, 1.0)[0] < 0.5 < believed(many, said, rules, 1.0)[0]


def test_frauds_that_are_not_known_yet_are_expected_all_the_same() -> None:
    draw = np.random.default_rng(2)
    said, rules = draw.beta(0.5, 8, 20_000), silent(20_000)
    fraud = draw.random(20_000) < said
    known = fraud & (draw.random(20_000) < 0.7)
    assert believed(known, said, rules, 1 / 0.7).sum() == pytest.approx(fraud.sum(), rel=0.05)


def test_costs_are_read_from_a_file_and_the_rest_keep_their_defaults() -> None:
    assert costs_read("chargeback_fee = 40\nanalyst_hour = 50.5") == Costs(chargeback_fee=40, analyst_hour=50.5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("fee = 3", "unknown field `fee`"),
        ("declined = -1", "declined is -1.0, and must be zero or more"),
        ("challenge_stops = 1.5", "challenge_stops is 1.5, and is a share"),
        ("declined = ", "Invalid value"),
        ("declined = 'much'", "Expected `float`"),
        ("declined = nan", "declined is nan"),
    ],
)
def test_costs_that_cannot_be_are_refused(text: str, problem: str) -> None:
    with pytest.raises(CostsRefused, match=problem):
        costs_read(text)
