"""Single facts of a payment as they mostly are: from a known device, from the profile's country, in daylight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.features.places import PAIRS
from apps.fraud.engine.geography import distance_km
from apps.fraud.engine.what_if import WhatIf

Get = Callable[[str], Value]
Values = dict[str, Value]
NOON: Final = 12
TUESDAY: Final = 2


class Fact(NamedTuple):
    """Tried when a rule that hit looks at one of `watched`. `values` is None when the fact cannot be told."""

    code: str
    watched: tuple[str, ...]
    values: Callable[[Get], Values | None]
    fr: str
    en: str


def _set(**values: Value) -> Callable[[Get], Values | None]:
    return lambda _get: dict(values)


def _country(name: str, like: str) -> Callable[[Get], Values | None]:
    """One country becomes another's, and what compares countries follows."""

    def values(get: Get) -> Values | None:
        if (country := get(like)) is None:
            return None
        countries: dict[str, Value] = {**{each: get(each) for pair in PAIRS for each in pair[1:3]}, name: country}
        out: Values = {name: country}
        for pair, one, other, _fr, _en in PAIRS:
            if name in (one, other):
                here, there = countries[one], countries[other]
                out[pair] = None if here is None or there is None else here != there
        if name in ("payment_country", "billing_country"):
            here, there = countries["payment_country"], countries["billing_country"]
            out["billing_distance_km"] = distance_km(_text(here), _text(there))
        return out

    return values


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None


def _paid_before(get: Get) -> Values:
    """Somebody who has paid before: at least once, and with success."""
    payments, successes = get("previous_payments"), get("previous_successes")
    return {
        "first_payment": False,
        "first_purchase": False,
        "previous_payments": max(1, payments) if isinstance(payments, int) else 1,
        "previous_successes": max(1, successes) if isinstance(successes, int) else 1,
    }


FACTS: Final = (
    Fact("known_device", ("new_device",), _set(new_device=False), "Depuis un appareil déjà connu",
         "From a known device"),
    Fact("known_address", ("new_ip",), _set(new_ip=False), "Depuis une adresse réseau déjà connue",
         "From a known network address"),
    Fact("known_country", ("new_country",), _set(new_country=False), "Depuis un pays où le client a déjà payé",
         "From a country where the customer has paid before"),
    Fact("steady_device", ("device_ip_change_1h",), _set(device_ip_change_1h=False),
         "Sans changer d’appareil et d’adresse dans l’heure", "Without changing device and address within the hour"),
    Fact("profile_country", ("payment_country", "payment_profile_mismatch", "payment_ip_mismatch",
                             "payment_card_mismatch", "payment_billing_mismatch", "billing_distance_km"),
         _country("payment_country", "profile_country"), "Depuis le pays du profil", "From the profile's country"),
    Fact("address_in_profile_country", ("ip_country", "ip_profile_mismatch", "payment_ip_mismatch", "ip_card_mismatch"),
         _country("ip_country", "profile_country"), "Avec une adresse réseau du pays du profil",
         "With a network address of the profile's country"),
    Fact("card_of_profile_country", ("card_country", "card_profile_mismatch", "payment_card_mismatch",
                                     "ip_card_mismatch"),
         _country("card_country", "profile_country"), "Avec une carte du pays du profil",
         "With a card of the profile's country"),
    Fact("billed_in_payment_country", ("billing_country", "payment_billing_mismatch", "billing_distance_km"),
         _country("billing_country", "payment_country"), "Facturé dans le pays du paiement",
         "Billed in the country of the payment"),
    Fact("daytime", ("hour", "is_night"), _set(hour=NOON, is_night=False), "En dehors de la nuit (à midi)",
         "Outside the night (at noon)"),
    Fact("working_day", ("weekday", "is_weekend"), _set(weekday=TUESDAY, is_weekend=False),
         "En dehors du week-end (un mardi)", "Outside the weekend (on a Tuesday)"),
    Fact("paid_before", ("first_payment", "first_purchase"), _paid_before, "Par un client qui a déjà payé avec succès",
         "By a customer who has paid with success before"),
    Fact("known_merchant", ("first_at_merchant",), _set(first_at_merchant=False),
         "Chez un marchand où le client a déjà payé", "At a merchant where the customer has paid before"),
    Fact("not_mobile", ("device_kind", "is_mobile"), _set(device_kind="web_desktop", is_mobile=False),
         "Depuis un ordinateur", "From a computer"),
    Fact("other_visit", ("utm_source",), _set(utm_source=None), "Sans cette origine de la visite",
         "Without this origin of the visit"),
    Fact("not_failed", ("failed", "failure_code"), _set(failed=False, failure_code=None),
         "S’il n’avait pas échoué", "Had it not failed"),
    Fact("no_adult_goods", ("adult_restricted",), _set(adult_restricted=False), "Sans article réservé aux adultes",
         "Without goods for adults only"),
)  # fmt: skip


def single_facts(asked: WhatIf) -> Iterator[tuple[Fact, Mapping[str, Value]]]:
    """Those that a rule that hit looks at, and that were otherwise."""
    told: set[str] = set()
    for fact in FACTS:
        told.update(fact.watched)
        if not asked.used.isdisjoint(fact.watched) and (values := _otherwise(asked, fact)):
            yield fact, values
    for name in sorted(asked.used - told):
        value = asked.get(name)
        if isinstance(value, bool):
            yield _turned(name, value), {name: not value}


def _otherwise(asked: WhatIf, fact: Fact) -> Values | None:
    values = {name: value for name, value in (fact.values(asked.get) or {}).items() if name in asked.index}
    differing = {name for name, value in values.items() if value != asked.get(name)}
    return values if differing and differing.isdisjoint(asked.looked_up) else None


def _turned(name: str, value: bool) -> Fact:
    """A boolean that no sentence above speaks of."""
    fr, en = (CATALOGUE[name].fr, CATALOGUE[name].en) if name in CATALOGUE else (name, name)
    words = ("Sans ce fait", "Without this") if value else ("Avec ce fait", "With this")
    return Fact(name, (name,), _set(**{name: not value}), f"{words[0]} : {fr}", f"{words[1]}: {en}")
