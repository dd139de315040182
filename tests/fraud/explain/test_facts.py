"""Which single fact would have been milder, and what the score is made of."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from apps.fraud.engine.counterfactual import Change, smallest_changes
from apps.fraud.engine.decide import Inputs, ListHit, Policy, RuleHit, decide
from apps.fraud.engine.features.catalogue import INDEX
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.waterfall import waterfall
from apps.fraud.engine.what_if import WhatIf
from tests.fraud.explain.cast import AT, MINUTE, Story, facts, rules, story

NIGHT = AT - 10 * 60 * MINUTE  # three in the morning, in Paris


def sentences(told: Story) -> dict[str, str]:
    return {change.code: change.en for change in told.changes() if change.kind == "fact"}


def stranger(*written: tuple[str, int | str]) -> Story:
    """A customer who has paid before, now from a device never seen and another country."""
    payment = facts(device="new", payment_country="RO", ip_country="RO", billing_country="FR")
    return story(payment, rules(*written), earlier=(facts(1, at=AT - 300 * MINUTE, device="old"),))


def test_a_known_device_would_have_done() -> None:
    assert sentences(stranger(("new_device", 40))) == {"known_device": "From a known device: ALLOW"}


def test_the_profiles_country_would_have_done_and_what_compares_countries_follows() -> None:
    told = stranger(("payment_profile_mismatch", 20), ("payment_billing_mismatch", 20))
    assert sentences(told)["profile_country"] == "From the profile's country: ALLOW"
    [change] = [one for one in told.changes() if one.code == "profile_country"]
    assert change.values["payment_country"] == "FR"
    assert change.values["payment_ip_mismatch"] is True
    assert change.values["billing_distance_km"] == 0


def test_daylight_would_have_done() -> None:
    told = story(facts(at=NIGHT), rules(("hour BETWEEN 2 AND 5", 40)))
    assert sentences(told) == {"daytime": "Outside the night (at noon): ALLOW"}


def test_a_fact_that_no_rule_looked_at_is_not_offered() -> None:
    assert "known_device" not in sentences(stranger(("payment_country = 'RO'", 40)))


def test_a_fact_that_changes_nothing_is_not_offered() -> None:
    assert sentences(stranger(("new_device", 40), ("method = 'card'", "deny"))) == {}


def test_a_fact_that_wakes_another_rule_is_not_offered() -> None:
    told = stranger(("new_device", 40), ("new_device = FALSE AND payment_country = 'RO'", 90))
    assert sentences(told) == {}


def test_nothing_is_guessed_of_lists_that_were_not_asked() -> None:
    told = stranger(("payment_country IN list('risky')", 40))
    told.members = {"risky": ("RO",)}
    assert sentences(told) == {}


def test_the_mildest_outcome_comes_first_then_the_smallest_change() -> None:
    told = story(facts(amount="900.00", at=NIGHT), rules(("amount_eur > 800", 40), ("is_night", 35)))
    changes = told.changes()
    assert [(change.code, change.outcome) for change in changes] == [
        ("amount", "CHALLENGE"),
        ("daytime", "CHALLENGE"),
    ]
    ranks = [(Outcome[change.outcome], change.effort) for change in changes]
    assert ranks == sorted(ranks)


SHIPPED = (("new_device", 20), ("is_night AND amount_eur > 80", 20), ("payment_profile_mismatch", 20),
           ("first_at_merchant AND amount_eur > 400", 15))  # fmt: skip


def test_applying_a_change_gives_the_outcome_it_promises() -> None:
    applied = 0
    for amount, at in product(("50.00", "120.00", "450.00", "950.00"), (AT, NIGHT)):
        payment = facts(amount=amount, at=at, device="new", payment_country="RO", merchant="other")
        told = story(payment, rules(*SHIPPED), earlier=(facts(1, at=at - 90 * MINUTE, device="old"),))
        row = told.row()
        asked = WhatIf(row, INDEX, told.ruleset, told.inputs(row))
        for change in told.changes():
            assert told.outcome(asked.changed(change.values)).name == change.outcome
            applied += 1
    assert applied >= 8


def test_a_deny_list_is_answered_by_no_single_fact() -> None:
    told = stranger(("new_device", 40))
    row = told.row()
    listed = ListHit("stolen", "deny", False, 1, "Sur une liste.", "On a list.")
    inputs = msgspec.structs.replace(told.inputs(row), lists=(listed,))
    assert smallest_changes(row=row, index=INDEX, rules=told.ruleset, inputs=inputs) == ()


def test_without_feature_state_what_is_known_is_still_tried() -> None:
    told = story(facts(at=NIGHT), rules(("is_night", 40)))
    told.history = None  # type: ignore[assignment]  # as the engine gives it when Redis is away
    assert sentences(told) == {"daytime": "Outside the night (at noon): ALLOW"}


def test_changes_can_be_sent_as_json() -> None:
    told = stranger(("new_device", 40))
    again = msgspec.json.decode(msgspec.json.encode(told.changes()), type=tuple[Change, ...])
    assert again == told.changes()


# --- the waterfall ----------------------------------------------------------------------------------------------------
def hit(code: str, points: int) -> RuleHit:
    return RuleHit(code, 1, points, "", "MEDIUM", f"{code} fr", f"{code} en")


@pytest.mark.parametrize(
    "inputs",
    [
        Inputs(policy=Policy(), rules=(hit("A", 30), hit("B", 25))),
        Inputs(policy=Policy(), rules=(hit("A", 80), hit("B", 60), hit("C", 0))),
        Inputs(policy=Policy(), rules=(hit("A", 30),), scorer="ok", scorer_score=0.4),
        Inputs(policy=Policy(), rules_up=False, scorer="ok", scorer_score=0.4),
        Inputs(policy=Policy(), rules=(hit("A", 30),), scorer="down"),
        Inputs(policy=Policy(), rules_up=False, scorer="down"),
        Inputs(policy=Policy()),
    ],
)
def test_the_steps_add_up_to_the_score(inputs: Inputs) -> None:
    judgement = decide(inputs)
    told = waterfall(inputs, judgement)
    assert sum(step.share for step in told.steps) == pytest.approx(judgement.score, abs=1e-5)
    assert [step.start for step in told.steps] == [0.0, *(step.end for step in told.steps)][:-1] if told.steps else True
    assert all(step.share > 0 for step in told.steps)


def test_more_points_than_count_are_scaled_and_said_to_be() -> None:
    inputs = Inputs(policy=Policy(), rules=(hit("A", 80), hit("B", 120)))
    told = waterfall(inputs, decide(inputs))
    assert told.capped
    assert [(step.code, step.points, step.share) for step in told.steps] == [("B", 120, 0.6), ("A", 80, 0.4)]
