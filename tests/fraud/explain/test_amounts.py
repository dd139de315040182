"""Which amount would have been milder: exact to the cent, by the same road as a real payment of that amount."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.engine.features.catalogue import INDEX
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.what_if import WhatIf
from apps.fraud.engine.what_if_amount import Amounts
from tests.fraud.explain.cast import AT, MINUTE, Story, facts, rules, story

UNITS = {"EUR": 2, "USD": 2, "JPY": 0, "TND": 3}
CENT = {currency: Decimal(1).scaleb(-digits) for currency, digits in UNITS.items()}
TEMPLATES = (
    "amount_eur > {k}",
    "amount >= {k}",
    "amount_ratio > {small}",
    "amount_deviation > {small}",
    "customer_amount_1h > {k}",
    "card_amount_24h >= {k} AND customer_attempts_1h >= 2",
    "amount_eur BETWEEN {small} AND {k}",
    "amount_eur > {small} * customer_amount_mean + 10",
    "coalesce(amount_ratio, 5) > {small} AND amount_eur > {k}",
    "CASE WHEN amount_eur > {k} THEN TRUE ELSE amount_eur < {small} END",
)


def amount_changes(told: Story, digits: int = 2) -> list[Any]:
    return [change for change in told.changes(digits) if change.kind == "amount"]


def test_the_smallest_change_of_the_amount_is_said_in_both_languages() -> None:
    told = story(facts(amount="500.00"), rules(("amount_eur >= 412", 40)))
    [change] = amount_changes(told)
    assert (change.amount, change.outcome) == ("411.99", "ALLOW")
    assert change.en == "Under 412\u00a0€: ALLOW"
    assert change.fr == "Moins de 412\u00a0€ : AUTORISÉ"


def test_each_milder_outcome_has_its_own_amount() -> None:
    told = story(facts(amount="900.00"), rules(("amount_eur > 700", 40), ("amount_eur > 100.5", 35)))
    assert [(change.amount, change.outcome) for change in amount_changes(told)] == [
        ("100.50", "ALLOW"),
        ("700.00", "CHALLENGE"),
    ]


def test_an_amount_may_be_too_small_to_be_trusted() -> None:
    told = story(facts(amount="1.00"), rules(("amount_eur < 2", "challenge")))
    [change] = amount_changes(told)
    assert (change.amount, change.en) == ("2.00", "From 2\u00a0€: ALLOW")


def test_an_amount_between_two_bad_ones_is_said_as_one_amount() -> None:
    told = story(facts(amount="500.00"), rules(("amount_eur > 300 OR amount_eur < 100", "deny")))
    assert amount_changes(told)[0].en == "At 300\u00a0€: ALLOW"


def test_what_no_amount_changes_has_no_amount() -> None:
    assert amount_changes(story(facts(), rules(("payment_country = 'FR'", "deny")))) == []


def test_an_allowed_payment_has_nothing_milder() -> None:
    assert story(facts(amount="5.00"), rules(("amount_eur > 100", 40))).changes() == ()


def test_a_currency_without_cents_is_searched_in_whole_units() -> None:
    told = story(facts(amount="90000", currency="JPY"), rules(("amount_eur > 100", 40)))
    [change] = amount_changes(told, 0)
    assert change.amount == str(int(change.amount))
    assert told.outcome_at(Decimal(change.amount)) is Outcome.ALLOW
    assert told.outcome_at(Decimal(change.amount) + 1) is Outcome.CHALLENGE


amounts = st.decimals(min_value="0.01", max_value="5000", places=2)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    currency = draw(st.sampled_from(sorted(UNITS)))
    places = CENT[currency]

    def one(number: int, at: int) -> Any:
        amount = max(draw(amounts).quantize(places), places)
        return facts(number, amount=str(amount), currency=currency, at=at)

    earlier = tuple(
        one(n, AT - n * draw(st.sampled_from([MINUTE, 90 * MINUTE]))) for n in range(1, draw(st.integers(1, 5)))
    )
    written = [
        (
            draw(st.sampled_from(TEMPLATES)).format(k=draw(amounts), small=draw(st.decimals("0.1", "4", places=1))),
            draw(st.one_of(st.integers(20, 100), st.sampled_from(["challenge", "deny"]))),
        )
        for _ in range(draw(st.integers(1, 4)))
    ]
    return story(one(0, AT), rules(*written), earlier=earlier)


@settings(max_examples=150, deadline=None)
@given(stories())
def test_the_amount_named_gives_the_outcome_named_and_one_cent_further_does_not(told: Story) -> None:
    currency = told.payment.currency
    own = Decimal(repr(told.payment.amount))
    for change in amount_changes(told, UNITS[currency]):
        amount, promised = Decimal(change.amount), Outcome[change.outcome]
        assert told.outcome_at(amount) is promised < told.outcome_at(own)
        towards = CENT[currency] if amount < own else -CENT[currency]
        assert told.outcome_at(amount + towards) > promised


@settings(max_examples=100, deadline=None)
@given(stories(), amounts)
def test_a_row_at_another_amount_is_the_row_that_a_payment_of_that_amount_would_have(
    told: Story, other: Decimal
) -> None:
    currency = told.payment.currency
    row = told.row()
    asked = WhatIf(row, INDEX, told.ruleset, told.inputs(row))
    scale = Amounts(asked, UNITS[currency])
    other = max(other.quantize(CENT[currency]), CENT[currency])
    moved = facts(0, amount=str(other), currency=currency)
    assert asked.changed(scale.values(other)) == told.row(moved)


@pytest.mark.parametrize("amount", ["0.01", "99.99", "12345.67"])
def test_the_rows_own_amount_changes_nothing(amount: str) -> None:
    told = story(
        facts(amount=amount), rules(("amount_eur > 0", 40)), earlier=(facts(1, amount="33.33", at=AT - MINUTE),)
    )
    row = told.row()
    asked = WhatIf(row, INDEX, told.ruleset, told.inputs(row))
    assert asked.changed(Amounts(asked, 2).values(Decimal(amount))) == row
