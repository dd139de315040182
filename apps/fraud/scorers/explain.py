"""Why a scorer said what it said: its contributions grouped into facts, walked to the probability, and put in words.

Contributions are log-odds and add up to the margin. The probability is a curve of the margin, so what one fact adds to
it depends on where on the curve it is added. Here facts are walked from the base, the weightiest first, and each gets
the difference that it makes there. That is one path of many: another order gives other shares and the same end. The
order is fixed by the weights alone, so the same decision is always told the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.artefact import Calibration
from apps.fraud.scorers.explain_words import Pair, numbers, sentence, shortened
from apps.fraud.scorers.families import family_of
from apps.fraud.scorers.scorer import Contributions, calibrated
from apps.fraud.scorers.sentences_counts import COUNTS, ITS_OWN
from apps.fraud.scorers.sentences_customer import CUSTOMER
from apps.fraud.scorers.sentences_payment import PAYMENT
from apps.fraud.scorers.told import Say, Told
from apps.fraud.scorers.usual import Usual

# Facts told one by one; more are read by nobody. What is left is one step of its own.
MOST_FACTS: Final = 10
# Log-odds under which a fact moves no probability by a hundredth of its odds.
LEAST: Final = 0.01
# Columns kept of a fact, for who wants to see behind it.
MOST_COLUMNS: Final = 6
DIGITS: Final = 6
SENTENCES: Final[dict[str, Say]] = {**PAYMENT, **CUSTOMER, **COUNTS}
MISSING: Final = {
    "account": Pair("âge du compte inconnu", "age of the account not known"),
    "history": ITS_OWN["customer"],
    "cart": Pair("moment du panier non communiqué", "time of the cart not told"),
    "ip_known": Pair("adresse réseau ou paiements précédents de ce client inconnus",
                     "network address, or this customer's earlier payments, not known"),
    "country_known": Pair("pays ou paiements précédents de ce client inconnus",
                          "country, or this customer's earlier payments, not known"),
    "merchant_known": ITS_OWN["merchant"],
    "merchant_usual": Pair("moyenne de ce marchand inconnue", "this merchant's average not known"),
    "merchant_failures": Pair("aucun paiement chez ce marchand en 24 heures",
                              "no payment at this merchant in 24 hours"),
    "hop": Pair("appareil ou adresse réseau du paiement précédent inconnus",
                "device or network address of the last payment not known"),
}  # fmt: skip


class Fact(Struct, frozen=True):
    """`weight` is the sum of its columns' log-odds; `probability` is where the walk stands after it."""

    family: str
    weight: float
    probability: float
    columns: tuple[tuple[str, float], ...]


class Walk(Struct, frozen=True):
    """From what the scorer says of a payment of which nothing is known, to what it said of this one."""

    base: float
    start: float
    facts: tuple[Fact, ...]
    probability: float
    """What is left between the last fact and this are all other signals together."""


class Said(Struct, frozen=True):
    """One fact in words. `share` is of the probability; without a sign, `weight` says how much it counted."""

    code: str
    fr: str
    en: str
    weight: float
    share: float


def walk(names: Sequence[str], contributions: Contributions, calibration: Calibration) -> Walk:
    groups: dict[str, list[tuple[str, float]]] = {}
    for name, value in zip(names, contributions.values, strict=True):
        if value:
            groups.setdefault(family_of(name), []).append((name, value))
    sums = [(family, sum(value for _name, value in columns)) for family, columns in groups.items()]
    sums = sorted((one for one in sums if abs(one[1]) >= LEAST), key=lambda one: (-abs(one[1]), one[0]))[:MOST_FACTS]
    margins = np.cumsum([contributions.base, *(weight for _family, weight in sums)]).astype(np.float32)
    probabilities = np.round(calibrated(calibration, margins), DIGITS).tolist()
    facts = tuple(
        Fact(family, round(weight, DIGITS), probability, _leading(groups[family], weight))
        for (family, weight), probability in zip(sums, probabilities[1:], strict=True)
    )
    return Walk(contributions.base, probabilities[0], facts, contributions.probability)


def _leading(columns: list[tuple[str, float]], weight: float) -> tuple[tuple[str, float], ...]:
    """Those that pull the fact's own way first: the sentence speaks of the first."""
    ordered = sorted(columns, key=lambda one: (one[1] * weight < 0, -abs(one[1]), one[0]))
    return tuple((name, round(value, DIGITS)) for name, value in ordered[:MOST_COLUMNS])


def said(
    found: Walk, row: Sequence[Value], index: Mapping[str, int], baseline: Mapping[str, Any] | None = None,
    minor_units: int = 2,
) -> tuple[Said, ...]:  # fmt: skip
    """The facts in words, the weightiest first, with what each put into the probability."""
    usual, before, told = Usual(baseline), found.start, []
    for fact in found.facts:
        told.append(_say(fact, Told(row, index, usual, fact.columns[0][0], minor_units), fact.probability - before))
        before = fact.probability
    return tuple(told)


def _say(fact: Fact, told: Told, share: float) -> Said:
    say: Callable[[Told], Pair | None] | None = SENTENCES.get(fact.family)
    words = (say(told) if say is not None else None) or plainly(told)
    return Said(fact.family, words.fr, words.en, fact.weight, round(share, DIGITS))


def plainly(told: Told) -> Pair:
    """By the catalogue's own sentence, for what has no words of its own, and for what is missing."""
    feature, value = CATALOGUE.get(told.lead), told.value
    names = Pair(feature.fr, feature.en) if feature is not None else Pair(told.lead, told.lead)
    if value is None:
        if (missing := MISSING.get(family_of(told.lead))) is not None:
            return sentence(*missing)
        own = feature is not None and feature.owner == "payment"
        how = Pair("non communiqué", "not told") if own else Pair("inconnu", "not known")
        return sentence(f"{names.fr} : {how.fr}", f"{names.en}: {how.en}")
    if isinstance(value, bool):
        return sentence(f"{names.fr} : {'oui' if value else 'non'}", f"{names.en}: {'yes' if value else 'no'}")
    if isinstance(value, str):
        return sentence(f"{names.fr} : {shortened(value)}", f"{names.en}: {shortened(value)}")
    fr, en = numbers(value)
    middle = told.usual.middle(told.lead)
    if middle is not None and (half := numbers(middle)) != (fr, en):
        fr, en = f"{fr} ; d'ordinaire {half.fr}", f"{en}; usually {half.en}"
    return sentence(f"{names.fr} : {fr}", f"{names.en}: {en}")
