"""What would have turned a decision that a scorer had its part in: only what was decided anew is claimed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from apps.fraud.engine.counterfactual import Change, smallest_changes
from apps.fraud.engine.decide import Inputs, decide
from apps.fraud.engine.features.catalogue import INDEX
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.ruleset import NO_RULES
from apps.fraud.engine.what_if import Rescore, WhatIf
from apps.fraud.scorers.scorer import Scorer
from tests.fraud.explain.cast import AT, MINUTE, facts, rules, story
from tests.fraud.explain.scored import POLICY, fraud_row
from tests.scorers.small import small_trained

SCORER = Scorer(small_trained().artefact)


def rescore(row: Sequence[Value]) -> float:
    return SCORER.probabilities([row])[0]


def changes(row: list[Value], asked: Rescore | None = rescore, ruleset: Any = NO_RULES, **inputs: Any) -> Any:
    values = {"policy": POLICY, "at": AT, "scorer": "ok", "scorer_score": rescore(row)} | inputs
    return smallest_changes(row=row, index=INDEX, rules=ruleset, inputs=Inputs(**values), rescore=asked)


def own(row: list[Value], told: Change) -> Outcome:
    """Decided anew from the changed row, by nothing of what is tested."""
    changed = list(row)
    for name, value in told.values.items():
        changed[INDEX[name]] = value
    return decide(Inputs(policy=POLICY, at=AT, scorer="ok", scorer_score=rescore(changed))).result


@pytest.mark.parametrize("place", [11, 18, 19, 24, 28, 29, 31])
def test_each_change_gives_the_outcome_it_promises_when_it_is_decided_anew(place: int) -> None:
    row = fraud_row(place)
    now = decide(Inputs(policy=POLICY, at=AT, scorer="ok", scorer_score=rescore(row))).result
    found = changes(row)
    assert found
    for told in found:
        assert own(row, told) is Outcome[told.outcome] < now, told


def test_something_turns_the_decisions_of_a_scorer() -> None:
    kinds = {told.kind for place in range(30) for told in changes(fraud_row(place))}
    assert kinds == {"amount", "fact"}


def test_an_amount_says_nothing_of_the_amounts_beyond_it() -> None:
    """A scorer may turn anywhere: that amount was decided anew, those under it were not."""
    told = [one for place in range(24) for one in changes(fraud_row(place)) if one.kind == "amount"]
    assert told and all(one.en.startswith("At ") and one.fr.startswith("À ") for one in told)


def test_an_amount_moves_what_is_computed_from_it_before_the_scorer_is_asked() -> None:
    def by_ratio(row: Sequence[Value]) -> float:
        ratio = row[INDEX["amount_ratio"]]
        return 0.9 if isinstance(ratio, float) and ratio > 2 else 0.01

    payment = facts(amount="100.00")
    told = story(payment, rules(), earlier=(facts(1, amount="20.00", at=AT - MINUTE),))
    row = told.row()
    inputs = Inputs(policy=POLICY, at=AT, scorer="ok", scorer_score=0.9)
    found = smallest_changes(row=row, index=INDEX, rules=NO_RULES, inputs=inputs, rescore=by_ratio)
    assert [(one.amount, one.outcome) for one in found if one.kind == "amount"] == [("40.00", "ALLOW")]
    assert told.row(facts(amount="40.00"))[INDEX["amount_ratio"]] == Decimal(2)


@pytest.mark.parametrize("asked", [None, lambda _row: 0.5])
def test_a_scorer_that_is_gone_or_says_otherwise_is_claimed_nothing_of(asked: Rescore | None) -> None:
    assert changes(fraud_row(), asked) == ()


def test_rules_and_scorer_are_asked_together() -> None:
    row = fraud_row(is_night=True)
    ruleset = rules(("is_night", "deny"))
    hits = ruleset.evaluate(row, WhatIf(row, INDEX, ruleset, Inputs(policy=POLICY)).lists, AT)
    assert all(
        told.outcome != "ALLOW" or "is_night" in told.values for told in changes(row, ruleset=ruleset, rules=hits)
    )


def test_what_the_scorer_alone_decided_can_be_turned_too() -> None:
    rows = [fraud_row(place) for place in range(30)]
    assert any(changes(row, rules_up=False) for row in rows)


# --- what comes with a fact -------------------------------------------------------------------------------------------
def leaning(name: str, suspicious: Value) -> Rescore:
    return lambda row: 0.9 if row[INDEX[name]] == suspicious else 0.01


def facts_of(row: list[Value], asked: Rescore) -> set[str]:
    inputs = Inputs(policy=POLICY, at=AT, scorer="ok", scorer_score=asked(row))
    found = smallest_changes(row=row, index=INDEX, rules=NO_RULES, inputs=inputs, rescore=asked)
    return {one.code for one in found if one.kind == "fact"}


def stranger(**fields: Any) -> list[Value]:
    payment = facts(device="new", ip="other", payment_country="RO", **fields)
    return story(payment, rules(), earlier=(facts(1, at=AT - 300 * MINUTE, device="old", ip="I"),)).row()


def test_a_fact_that_the_scorer_leans_on_is_offered() -> None:
    assert facts_of(stranger(), leaning("new_device", True)) >= {"known_device"}


def test_a_fact_must_hold_in_every_way_in_which_it_could_have_been_so() -> None:
    """A known device was first seen at some time, and nobody knows when: this scorer wants it seen for years."""

    def old_devices_only(row: Sequence[Value]) -> float:
        seen = row[INDEX["seconds_since_device_seen"]]
        known = row[INDEX["new_device"]] is False and isinstance(seen, float)
        return 0.01 if known and seen > 200 * 86_400 else 0.9

    assert facts_of(stranger(), old_devices_only) == set()


def test_of_a_customer_without_a_past_no_past_is_made_up() -> None:
    row = story(facts(), rules()).row()
    assert row[INDEX["first_payment"]] is True
    assert facts_of(row, leaning("first_payment", True)) == set()


def test_a_device_that_was_not_named_is_not_taken_for_a_known_one() -> None:
    row = stranger()
    row[INDEX["new_device"]] = None
    assert facts_of(row, leaning("new_device", None)) == set()
