"""How many different devices, cards, addresses and countries a customer used, and how many customers used those.

Each window holds the payment itself. What a payment does not tell counts for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from apps.fraud.engine.event import NOTHING, short_key
from apps.fraud.engine.features.case import DAY, HOUR, Case
from apps.fraud.engine.features.feature import Feature, Group, Value
from apps.fraud.engine.history import CARD, COUNTRY, DEVICE, IP, PAYER

WINDOWS: Final = (("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY))
FR: Final = {"1h": "1 heure", "24h": "24 heures", "7d": "7 jours", "30d": "30 jours"}
EN: Final = {"1h": "an hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
OF_CUSTOMER: Final = (
    ("devices", DEVICE, "appareils différents du client", "different devices of the customer"),
    ("cards", CARD, "cartes différentes du client", "different cards of the customer"),
    ("ips", IP, "adresses réseau différentes du client", "different network addresses of the customer"),
    ("countries", COUNTRY, "pays de paiement différents du client", "different payment countries of the customer"),
)
OF_OTHERS: Final = (
    ("device", "clients différents de l'appareil", "different customers of the device"),
    ("card", "clients différents de la carte", "different customers of the card"),
    ("ip", "clients différents de l'adresse réseau", "different customers of the network address"),
)
STATE_AWAY: Final = "feature state did not answer"


def _features() -> tuple[Feature, ...]:
    made = []
    for what, _position, fr, en in OF_CUSTOMER:
        for window in FR:
            made.append(
                Feature(f"customer_{what}_{window}", "integer", "customer",
                        f"{fr} sur {FR[window]}, ce paiement compris",
                        f"{en} within {EN[window]}, this payment included", STATE_AWAY, window, 1)
            )  # fmt: skip
    for owner, fr, en in OF_OTHERS:
        for window in FR:
            made.append(
                Feature(f"{owner}_customers_{window}", "integer", owner, f"{fr} sur {FR[window]}, ce paiement compris",
                        f"{en} within {EN[window]}, this payment included", f"the payment names no {owner}", window, 1)
            )  # fmt: skip
    return tuple(made)


def country_key(country: str | None) -> bytes:
    """Two letters in a customer's log, padded to nothing."""
    return (country or "").encode()[:2].ljust(2, b"\0")


FEATURES = _features()
NO_COUNTRY: Final = b"\0\0"
NONE: Final[tuple[Value, ...]] = (None,) * len(WINDOWS)


def compute(case: Case) -> Sequence[Value]:
    facts, customer = case.facts, case.earlier("customer")
    if customer is None:
        return (None,) * len(FEATURES)
    own = (short_key(facts.device), short_key(facts.card), short_key(facts.ip), country_key(facts.payment_country))
    out: list[Value] = []
    for (_what, position, _fr, _en), key in zip(OF_CUSTOMER, own, strict=True):
        out += customer.distinct(position, key, NO_COUNTRY if position == COUNTRY else NOTHING)
    payer = short_key(facts.customer)
    for owner, _fr, _en in OF_OTHERS:
        earlier = case.earlier(owner)
        out += NONE if earlier is None else earlier.distinct(PAYER, payer, NOTHING)
    return out


GROUP = Group(FEATURES, compute)
