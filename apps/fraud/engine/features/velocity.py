"""How often and how much, per entity and window.

A window of ten minutes holds what lies from exactly ten minutes before the payment up to the payment. Attempts and
amounts count the payment itself; successes and failures only earlier ones, since its own result is not known yet.
Merchants are counted in whole minutes, hours and days before the current one (see `merchant.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from apps.fraud.engine.features.case import SPANS, Case
from apps.fraud.engine.features.feature import Feature, Group, Value

WINDOW_FR: Final = {"10m": "10 minutes", "1h": "1 heure", "24h": "24 heures", "7d": "7 jours", "30d": "30 jours"}
WINDOW_EN: Final = {"10m": "10 minutes", "1h": "an hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
OWNERS: Final = {
    "customer": ("du client", "the customer's"),
    "device": ("de l'appareil", "the device's"),
    "card": ("de la carte", "the card's"),
    "ip": ("de l'adresse réseau", "the network address's"),
}


def _family(owner: str) -> tuple[Feature, ...]:
    du, whose = OWNERS[owner]
    missing = "feature state did not answer" if owner == "customer" else f"the payment names no {owner}"
    made = []
    for window in WINDOW_FR:
        fr, en = WINDOW_FR[window], WINDOW_EN[window]
        texts = {
            "attempts": ("integer", f"paiements tentés {du} sur {fr}, celui-ci compris",
                         f"{whose} payment attempts within {en}, this one included"),
            "successes": ("integer", f"paiements réussis {du} sur {fr}, avant celui-ci",
                          f"{whose} successful payments within {en}, before this one"),
            "failures": ("integer", f"paiements échoués {du} sur {fr}, avant celui-ci",
                         f"{whose} failed payments within {en}, before this one"),
            "amount": ("number", f"somme en euros {du} sur {fr}, ce paiement compris",
                       f"{whose} amounts in euros within {en}, this one included"),
        }  # fmt: skip
        for what, (kind, sentence_fr, sentence_en) in texts.items():
            name = f"{owner}_{what}_{window}"
            made.append(Feature(name, kind, owner, sentence_fr, sentence_en, missing, window))  # type: ignore[arg-type]
    return tuple(made)


MISSING: Final[tuple[Value, ...]] = (None,) * 4 * len(SPANS)


def _computer(owner: str) -> Callable[[Case], Sequence[Value]]:
    def compute(case: Case) -> Sequence[Value]:
        earlier = case.earlier(owner)
        # Five windows of four numbers each.
        return MISSING if earlier is None else earlier.windows(case.cents or 0)

    return compute


GROUPS = tuple(Group(_family(owner), _computer(owner)) for owner in OWNERS)
