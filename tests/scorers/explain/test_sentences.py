"""What is said of a fact: its value, how unusual it is for this customer, in correct French and English."""

from __future__ import annotations

from typing import Any

import pytest

from apps.fraud.engine.country_positions import POSITIONS
from apps.fraud.engine.features.catalogue import CATALOGUE, FEATURES, INDEX
from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.country_names import COUNTRIES, country_name
from apps.fraud.scorers.explain import SENTENCES, plainly
from apps.fraud.scorers.explain_words import Pair, duration, money, percent
from apps.fraud.scorers.families import FAMILY, family_of
from apps.fraud.scorers.told import Told
from apps.fraud.scorers.usual import Usual

ORDINARY = {"edges": [0.5, 1, 2], "shares": [0.0, 0.9, 0.05, 0.05], "missing": 0.0}


def row(**values: Value) -> list[Value]:
    made: list[Value] = [None] * len(FEATURES)
    for name, value in values.items():
        made[INDEX[name]] = value
    return made


def said(lead: str, usual: dict[str, Any] | None = None, **values: Value) -> tuple[str, str]:
    told = Told(row(**values), INDEX, Usual({"features": usual or {}}), lead)
    say = SENTENCES.get(family_of(lead))
    return (say(told) if say else None) or plainly(told)


@pytest.mark.parametrize(
    ("lead", "values", "fr", "en"),
    [
        ("amount_ratio",
         {"amount": 412.0, "amount_eur": 412.0, "currency": "EUR", "customer_amount_mean": 79.0, "amount_ratio": 5.2},
         "Montant 412,00\u00a0€\u00a0: 5,2 fois la moyenne de ce client (79\u00a0€)",
         "Amount €412.00: 5.2 times this customer's average (€79)"),
        ("amount_eur",
         {"amount": 1500.0, "amount_eur": 1327.43, "currency": "USD", "customer_amount_mean": 1300.0,
          "amount_ratio": 1.02},
         "Montant 1\u202f500,00\u00a0USD (1\u202f327,43\u00a0€)\u00a0: proche de la moyenne de ce client "
         "(1\u202f300\u00a0€)",
         "Amount USD\u00a01,500.00 (€1,327.43): close to this customer's average (€1,300)"),
        ("customer_failures_1h", {"customer_failures_1h": 1},
         "1 paiement échoué par ce client en 1 heure", "1 failed payment by this customer in an hour"),
        ("card_attempts_24h", {"card_attempts_24h": 0},
         "Aucun paiement tenté avec cette carte en 24 heures", "No payment attempt with this card in 24 hours"),
        ("new_device", {"new_device": True, "previous_payments": 14},
         "Appareil jamais utilisé par ce client, en 14 paiements précédents",
         "A device that this customer never used in 14 earlier payments"),
        ("ip_profile_mismatch", {"ip_country": "RO", "profile_country": "FR", "ip_profile_mismatch": True},
         "Pays de l’adresse réseau\u00a0: Roumanie\u202f; du profil\u00a0: France",
         "Country of the network address: Romania; of the profile: France"),
        ("payment_billing_mismatch", {"payment_country": "FR"},
         "Pays de facturation non communiqué", "Country of the bill not told"),
        ("account_age_days", {"account_age_days": 0.5},
         "Compte ouvert depuis 12 heures", "Account opened 12 hours ago"),
        ("merchant_fraud_rate_30d", {"merchant_frauds_30d": 3, "merchant_fraud_rate_30d": 0.0041},
         "3 fraudes connues chez ce marchand en 30 jours, soit 0,41\u00a0% de ses paiements",
         "3 known frauds at this merchant in 30 days, 0.41% of its payments"),
        ("hour", {"hour": 3, "is_night": True}, "Paiement fait à 3 h, heure locale, la nuit",
         "Paid between 03:00 and 03:59, local time, at night"),
        ("device_customers_7d", {"device_customers_7d": 4}, "4 clients différents sur cet appareil en 7 jours",
         "4 different customers on this device in 7 days"),
        ("customer_attempts_10m", {}, "Historique du client indisponible",
         "The customer's history was not available"),
    ],
)  # fmt: skip
def test_a_fact_is_said_in_both_languages(lead: str, values: dict[str, Value], fr: str, en: str) -> None:
    assert said(lead, **values) == (fr, en)


def test_a_count_is_held_against_what_is_usual_and_the_months_own() -> None:
    usual = {"device_attempts_10m": ORDINARY}
    assert said("device_attempts_10m", usual, device_attempts_10m=9, device_attempts_30d=12) == (
        "9 paiements tentés par cet appareil en 10 minutes\u202f; 12 en 30 jours\u202f; d’ordinaire 1",
        "9 payment attempts by this device in 10 minutes; 12 in 30 days; usually 1",
    )


def test_an_amount_without_a_past_is_held_against_all_payments() -> None:
    usual = {"amount_eur": {"edges": [20.0, 50.0, 200.0], "shares": [0.3, 0.3, 0.3, 0.1], "missing": 0.0}}
    fr, en = said("amount_eur", usual, amount=900.0, amount_eur=900.0, currency="EUR", previous_payments=0)
    assert en == "Amount €900.00: more than 90% of payments, this customer's first payment"
    assert fr == "Montant 900,00\u00a0€\u00a0: plus que 90\u00a0% des paiements, premier paiement de ce client"


@pytest.mark.parametrize(
    "baseline",
    [None, {}, {"features": None}, {"features": {"device_attempts_10m": "?"}},
     {"features": {"device_attempts_10m": {}}},
     {"features": {"device_attempts_10m": {"edges": [1], "shares": [1]}}},
     {"features": {"device_attempts_10m": {"edges": [], "shares": [1.0]}}},
     {"features": {"device_attempts_10m": {"edges": ["x"], "shares": [0, 1]}}}],
)  # fmt: skip
def test_a_baseline_that_says_nothing_is_left_out(baseline: Any) -> None:
    assert Usual(baseline).middle("device_attempts_10m") is None
    assert Usual(baseline).share_below("device_attempts_10m", 9) is None


def test_every_feature_has_something_to_say_whether_it_is_told_or_not() -> None:
    samples: dict[str, Value] = {"number": 2.5, "integer": 3, "boolean": True, "text": "FR"}
    full = {one.name: samples[one.kind] for one in FEATURES}
    for name in CATALOGUE:
        for values in (full, {name: full[name]}, {}):
            fr, en = said(name, **values)
            assert fr and en, name
            assert not any(wrong in fr for wrong in ("None", "'", " :", " ;", "de  ")), (name, fr)
            assert "None" not in en, (name, en)


def test_features_of_one_fact_are_one_family() -> None:
    assert set(FAMILY) == set(CATALOGUE)
    assert len({family_of(f"card_attempts_{window}") for window in ("10m", "1h", "24h", "7d", "30d")}) == 1
    assert family_of("of_tomorrow") == "of_tomorrow"


def test_a_feature_without_words_is_said_by_the_catalogues_own() -> None:
    told = Told([7], {"of_tomorrow": 0}, Usual(None), "of_tomorrow")
    assert plainly(told) == ("Of_tomorrow\u00a0: 7", "Of_tomorrow: 7")


def test_every_country_that_has_a_place_has_a_name() -> None:
    assert set(COUNTRIES) == set(POSITIONS)
    assert all(len(names) == 2 and all(names) for names in COUNTRIES.values())
    assert country_name("ZZ", "fr") == "ZZ"


def test_numbers_are_written_as_each_language_writes_them() -> None:
    assert money(1240.5) == Pair("1\u202f240,50\u00a0€", "€1,240.50")
    assert money(90000, "JPY", 0) == Pair("90\u202f000\u00a0JPY", "JPY\u00a090,000")
    assert [percent(share).en for share in (0.41, 0.05, 0.004, 0.0)] == ["41%", "5.0%", "0.40%", "0%"]
    assert [duration(seconds).fr for seconds in (1, 42, 95, 5400, 100_000, 400 * 86_400)] == [
        "1 seconde", "42 secondes", "95 secondes", "90 minutes", "27 heures", "400 jours",
    ]  # fmt: skip
