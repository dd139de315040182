"""The smallest changes that would have turned a decision to a milder one: "Under 412 €: ALLOW". Pure, on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct

from apps.fraud.engine.decide import Inputs
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.ruleset import CompiledRuleSet
from apps.fraud.engine.what_if import Rescore, WhatIf
from apps.fraud.engine.what_if_amount import Amounts, Threshold, amount_thresholds
from apps.fraud.engine.what_if_facts import single_facts

OUTCOME_FR: Final = {"ALLOW": "AUTORISÉ", "CHALLENGE": "À VÉRIFIER", "DENY": "REFUSÉ"}
# A fact counts as much as half of the amount: a payment cut by less comes before it, one cut by more after it.
FACT_EFFORT: Final = 0.5


class Change(Struct, frozen=True, kw_only=True):
    """One thing that could have been otherwise. `values` are the features it changes, all others as they were."""

    kind: Literal["amount", "fact"]
    code: str
    outcome: str
    fr: str
    en: str
    effort: float
    values: dict[str, Value]
    amount: str | None = None
    """In the payment's currency: the nearest amount with that outcome."""


def smallest_changes(
    *,
    row: Sequence[Value],
    index: Mapping[str, int],
    rules: CompiledRuleSet,
    inputs: Inputs,
    minor_units: int = 2,
    rescore: Rescore | None = None,
) -> tuple[Change, ...]:
    """The mildest outcome first, then the smallest change; nothing when no single change would have done.

    `minor_units` are the digits of the payment's currency. Lists stay as they were. Where a scorer had its part,
    `rescore` gives its probability for a changed row; without it nothing is claimed.
    """
    asked = WhatIf(row, index, rules, inputs, rescore)
    if asked.now is Outcome.ALLOW or not asked.answerable:
        return ()
    amounts = Amounts(asked, minor_units)
    changes = [_amount_change(amounts, threshold) for threshold in amount_thresholds(amounts)]
    for fact, worlds in single_facts(asked):
        told = [(asked.outcome(values), values) for values in worlds]
        outcome, values = max(told, key=lambda one: one[0])
        if outcome < asked.now:
            changes.append(
                Change(kind="fact", code=fact.code, outcome=outcome.name, effort=FACT_EFFORT, values=dict(values),
                       fr=f"{fact.fr} : {OUTCOME_FR[outcome.name]}", en=f"{fact.en}: {outcome.name}")
            )  # fmt: skip
    return tuple(sorted(changes, key=lambda change: (Outcome[change.outcome], change.effort)))


def _amount_change(amounts: Amounts, threshold: Threshold) -> Change:
    amount, outcome = amounts.amount(threshold.units), threshold.outcome.name
    own = amounts.exact * amounts.unit
    said, words = amount, ("À", "At")
    if threshold.throughout and threshold.below:
        said, words = amount + amounts.unit, ("Moins de", "Under")
    elif threshold.throughout:
        words = ("À partir de", "From")
    return Change(
        kind="amount",
        code="amount",
        outcome=outcome,
        effort=float(abs(own - amount) / own) if own else 1.0,
        values=amounts.values(amount),
        amount=str(amount),
        fr=f"{words[0]} {money(said, amounts.currency, 'fr')} : {OUTCOME_FR[outcome]}",
        en=f"{words[1]} {money(said, amounts.currency, 'en')}: {outcome}",
    )


def money(amount: Decimal, currency: str, language: str) -> str:
    """Without cents when there are none: 412 €, 1 249,90 €."""
    text = f"{amount:,.0f}" if amount == amount.to_integral_value() else f"{amount:,}"
    if language == "fr":
        text = text.replace(",", "\u202f").replace(".", ",")
    return f"{text}\u00a0{'€' if currency == 'EUR' else currency}"
