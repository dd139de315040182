"""Countries: of the payment, the address, the card, the profile, the bill; and whether they agree."""

from __future__ import annotations

from collections.abc import Sequence

from apps.fraud.engine.features.case import Case
from apps.fraud.engine.features.feature import Feature, Group, Value
from apps.fraud.engine.geography import distance_km

PAIRS = (
    ("payment_profile_mismatch", "payment_country", "profile_country", "du paiement et du profil",
     "of the payment and of the profile"),
    ("payment_ip_mismatch", "payment_country", "ip_country", "du paiement et de l'adresse réseau",
     "of the payment and of the network address"),
    ("payment_card_mismatch", "payment_country", "card_country", "du paiement et de la carte",
     "of the payment and of the card"),
    ("payment_billing_mismatch", "payment_country", "billing_country", "du paiement et de facturation",
     "of the payment and of the bill"),
    ("ip_profile_mismatch", "ip_country", "profile_country", "de l'adresse réseau et du profil",
     "of the network address and of the profile"),
    ("ip_card_mismatch", "ip_country", "card_country", "de l'adresse réseau et de la carte",
     "of the network address and of the card"),
    ("card_profile_mismatch", "card_country", "profile_country", "de la carte et du profil",
     "of the card and of the profile"),
)  # fmt: skip


def _f(name: str, kind: str, fr: str, en: str, missing: str = "not told") -> Feature:
    return Feature(name, kind, "place", fr, en, missing)  # type: ignore[arg-type]


FEATURES = (
    _f("payment_country", "text", "pays du paiement", "country of the payment"),
    _f("ip_country", "text", "pays de l'adresse réseau", "country of the network address"),
    _f("card_country", "text", "pays émetteur de la carte", "country of the card's issuer"),
    _f("profile_country", "text", "pays du profil", "country of the profile", "the customer is unknown"),
    _f("billing_country", "text", "pays de facturation", "country of the bill"),
    *(
        _f(name, "boolean", f"pays {fr} différents", f"countries {en} differ", "one of them was not told")
        for name, _one, _other, fr, en in PAIRS
    ),
    _f("billing_distance_km", "number",
       "kilomètres entiers entre le milieu du pays du paiement et celui du pays de facturation",
       "whole kilometres between the middles of the country of the payment and that of the bill",
       "one of them was not told, or has no known position"),
)  # fmt: skip


def compute(case: Case) -> Sequence[Value]:
    f = case.facts
    payment, ip, card = f.payment_country, f.ip_country, f.card_country
    profile, billing = f.profile_country, f.billing_country
    return (
        payment,
        ip,
        card,
        profile,
        billing,
        None if payment is None or profile is None else payment != profile,
        None if payment is None or ip is None else payment != ip,
        None if payment is None or card is None else payment != card,
        None if payment is None or billing is None else payment != billing,
        None if ip is None or profile is None else ip != profile,
        None if ip is None or card is None else ip != card,
        None if card is None or profile is None else card != profile,
        distance_km(payment, billing),
    )


GROUP = Group(FEATURES, compute)
