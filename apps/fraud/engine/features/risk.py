"""What the frauds already known at a merchant say of the next payment there, and whether a customer spends as usual.

A till that was tampered with, or a shop whose accounts were taken over, gives frauds one after the other until somebody
steps in: how many became known lately, how fresh the last is, and how long that has been going on say more than a
month's total. A card that leaked is used for sums unlike its owner's, days before the first fraud is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from apps.fraud.engine.features.case import DAY, SECOND, SPANS, Case
from apps.fraud.engine.features.feature import Feature, Group, Value
from apps.fraud.engine.history import Verdict

WEEK: Final = 7 * DAY
_WEEK_AT: Final = SPANS.index(WEEK)
# Gifts and large baskets reach it too, seldom; one leaked card in the handbook's simulation spends five times as much.
LARGE: Final = 3
NO_MERCHANT: Final = "the payment names no merchant"
NO_FRAUD: Final = "the payment names no merchant, or no fraud there is known"

FEATURES: Final = (
    Feature("merchant_frauds_24h", "integer", "merchant",
            "paiements chez ce marchand dont le dernier verdict est une fraude, connue depuis 24 heures au plus",
            "payments at this merchant whose latest verdict is fraud, known for 24 hours at most",
            NO_MERCHANT, "24h", 1),
    Feature("merchant_frauds_7d", "integer", "merchant",
            "paiements chez ce marchand dont le dernier verdict est une fraude, connue depuis 7 jours au plus",
            "payments at this merchant whose latest verdict is fraud, known for 7 days at most",
            NO_MERCHANT, "7d", 1),
    Feature("seconds_since_merchant_fraud", "number", "merchant",
            "secondes depuis que la dernière fraude connue chez ce marchand l'est devenue",
            "seconds since the last fraud known at this merchant became known", NO_FRAUD, None, -1),
    Feature("merchant_fraud_run_seconds", "number", "merchant",
            "secondes depuis la première fraude connue de la série en cours chez ce marchand : "
            "les dernières, chacune connue 7 jours au plus après la précédente",
            "seconds since the first fraud of this merchant's present run became known: "
            "the latest ones, each known 7 days at most after the one before", NO_FRAUD),
    Feature("customer_large_7d", "integer", "customer",
            "paiements du client sur 7 jours, avant celui-ci, de plus de trois fois son montant moyen",
            "the customer's payments within 7 days, before this one, of more than three times their average amount",
            "no earlier payment with an amount in euros", "7d", 1),
)  # fmt: skip


def compute(case: Case) -> Sequence[Value]:
    history = case.history
    if history is None:
        return (None,) * len(FEATURES)
    known = (None, None, None, None) if history.merchant is None else run_of(history.merchant_verdicts, case.at)
    return (*known, _large(case))


def run_of(verdicts: Sequence[Verdict], at: int) -> tuple[int, int, float | None, float | None]:
    """Frauds known for a day and a week, seconds since the last and since the first of its run. From the newest back,
    and no further than the run goes: most merchants have none, and a bad one has hundreds."""
    day = week = 0
    last = first = None
    judged: set[bytes] = set()
    for known_at, payment, fraud in reversed(verdicts):
        if known_at > at or payment in judged:
            continue
        if first is not None and first - known_at > WEEK:
            break
        judged.add(payment)
        if fraud:
            last, first = known_at if last is None else last, known_at
            day += known_at >= at - DAY
            week += known_at >= at - WEEK
    if last is None or first is None:
        return 0, 0, None, None
    return day, week, (at - last) / SECOND, (at - first) / SECOND


def _large(case: Case) -> Value:
    earlier = case.earlier("customer")
    if earlier is None:
        return None
    priced, cents, _squares = earlier.totals()
    # Whole cents above three averages are those above three averages rounded down: no fraction is compared.
    return earlier.larger(_WEEK_AT, LARGE * cents // priced) if priced else None


GROUP: Final = Group(FEATURES, compute)
