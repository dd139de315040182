"""Single facts of a payment as they mostly are: from a known device, from the profile's country, in daylight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Final, NamedTuple

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.engine.features.distinct import FR as WINDOWS
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.features.places import PAIRS
from apps.fraud.engine.geography import distance_km
from apps.fraud.engine.what_if import WhatIf

Get = Callable[[str], Value]
Values = dict[str, Value]
NOON: Final = 12
TUESDAY: Final = 2
# Each compares with earlier payments: missing, there was nothing to compare.
COMPARED: Final = ("new_device", "new_ip", "new_country", "device_ip_change_1h", "first_at_merchant")
DAY_SECONDS: Final = 86_400.0
# A device that a customer used was first seen a day ago, a month ago, a year ago: what is claimed holds for each.
SEEN_SINCE: Final = (DAY_SECONDS, 30 * DAY_SECONDS, 365 * DAY_SECONDS)


class Fact(NamedTuple):
    """Tried when a rule that hit looks at one of `watched`, or a scorer had its part. `worlds` are the ways in which it
    could have been so: what is claimed of a fact must hold in each of them. None when it cannot be told."""

    code: str
    watched: tuple[str, ...]
    worlds: Callable[[Get], list[Values]]
    fr: str
    en: str


def _set(**values: Value) -> Callable[[Get], list[Values]]:
    return lambda _get: [dict(values)]


def _fewer(get: Get, counted: str) -> list[Values]:
    """Something known instead of something new: in each window it was there already, or it was not."""
    counts = {f"{counted}_{window}": get(f"{counted}_{window}") for window in WINDOWS}
    fewer: Values = {name: max(1, value - 1) for name, value in counts.items() if isinstance(value, int)}
    return [{}, fewer] if fewer else [{}]


def _known_device(get: Get) -> list[Values]:
    """A device that the customer used was seen before: nobody knows since when."""
    seen: list[Values] = [{}]
    if get("seconds_since_device_seen") is None:
        seen = [{"seconds_since_device_seen": since} for since in SEEN_SINCE]
    fewer = _fewer(get, "customer_devices")
    return [{"new_device": False, **one, **other} for one, other in product(seen, fewer)]


def _known_address(get: Get) -> list[Values]:
    return [{"new_ip": False, **fewer} for fewer in _fewer(get, "customer_ips")]


def _known_country(get: Get) -> list[Values]:
    return [{"new_country": False, **fewer} for fewer in _fewer(get, "customer_countries")]


def _steady(get: Get) -> list[Values]:
    """The device, or the address, would have been that of the payment before."""
    device = _known_device(get) if get("new_device") else [{}]
    address = _known_address(get) if get("new_ip") else [{}]
    return [{"device_ip_change_1h": False, **one} for one in (*device, *address)]


def _computer(get: Get) -> list[Values]:
    """What comes with a computer is told of it, or is not."""
    kinds: list[Values] = [{"os": None, "browser": None}, {"os": "Windows", "browser": "Chrome"},
                           {"os": "macOS", "browser": "Safari"}]  # fmt: skip
    told = [{name: value for name, value in one.items() if get(name) is not None} for one in kinds]
    return [{"device_kind": "web_desktop", "is_mobile": False, **one} for one in told]


def _country(name: str, like: str) -> Callable[[Get], list[Values]]:
    """One country becomes another's, and what compares countries follows."""

    def worlds(get: Get) -> list[Values]:
        if (country := get(like)) is None:
            return []
        countries: dict[str, Value] = {**{each: get(each) for pair in PAIRS for each in pair[1:3]}, name: country}
        out: Values = {name: country}
        for pair, one, other, _fr, _en in PAIRS:
            if name in (one, other):
                here, there = countries[one], countries[other]
                out[pair] = None if here is None or there is None else here != there
        if name in ("payment_country", "billing_country"):
            here, there = countries["payment_country"], countries["billing_country"]
            out["billing_distance_km"] = distance_km(_text(here), _text(there))
        if name == "payment_country" and isinstance(get("new_country"), bool):
            # Whether the customer paid from there before is not known.
            return [{**out, "new_country": new} for new in (get("new_country"), not get("new_country"))]
        return [out]

    return worlds


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None


def _paid_before(get: Get) -> list[Values]:
    """Somebody who has paid before: at least once, and with success."""
    payments, successes = get("previous_payments"), get("previous_successes")
    return [
        {
            "first_payment": False,
            "first_purchase": False,
            "previous_payments": max(1, payments) if isinstance(payments, int) else 1,
            "previous_successes": max(1, successes) if isinstance(successes, int) else 1,
        }
    ]


FACTS: Final = (
    Fact("known_device", ("new_device",), _known_device, "Depuis un appareil déjà connu",
         "From a known device"),
    Fact("known_address", ("new_ip",), _known_address, "Depuis une adresse réseau déjà connue",
         "From a known network address"),
    Fact("known_country", ("new_country",), _known_country, "Depuis un pays où le client a déjà payé",
         "From a country where the customer has paid before"),
    Fact("steady_device", ("device_ip_change_1h",), _steady,
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
    Fact("not_mobile", ("device_kind", "is_mobile"), _computer,
         "Depuis un ordinateur", "From a computer"),
    Fact("other_visit", ("utm_source",), _set(utm_source=None, utm_campaign=None), "Sans cette origine de la visite",
         "Without this origin of the visit"),
    Fact("not_failed", ("failed", "failure_code"), _set(failed=False, failure_code=None),
         "S’il n’avait pas échoué", "Had it not failed"),
    Fact("no_adult_goods", ("adult_restricted",), _set(adult_restricted=False), "Sans article réservé aux adultes",
         "Without goods for adults only"),
)  # fmt: skip


def single_facts(asked: WhatIf) -> Iterator[tuple[Fact, list[Values]]]:
    """Those that a rule that hit looks at, and that were otherwise. A scorer may lean on any of them."""
    told: set[str] = set()
    for fact in FACTS:
        told.update(fact.watched)
        if (asked.scored or not asked.used.isdisjoint(fact.watched)) and (worlds := _otherwise(asked, fact)):
            yield fact, worlds
    if asked.scored:  # what else would have been otherwise with a fact that no sentence speaks of, nobody knows
        return
    for name in sorted(asked.used - told):
        value = asked.get(name)
        if isinstance(value, bool):
            yield _turned(name, value), [{name: not value}]


def _otherwise(asked: WhatIf, fact: Fact) -> list[Values]:
    """Only when the fact itself was otherwise; none when what a list says of it is not known."""
    worlds = [
        {name: value for name, value in values.items() if name in asked.index} for values in fact.worlds(asked.get)
    ]
    differing = {name for values in worlds for name, value in values.items() if value != asked.get(name)}
    always = [{name for name, value in values.items() if value != asked.get(name)} for values in worlds]
    if not worlds or not all(always) or not differing.isdisjoint(asked.looked_up):
        return []
    if asked.scored and not any(name in fact.watched for name in set.intersection(*always)):
        return []
    return [values for values in worlds if _possible(asked, values)] if asked.scored else worlds


def _possible(asked: WhatIf, values: Values) -> bool:
    """A scorer reads all of a row, so a row that no payment can have has no answer of its."""

    def get(name: str) -> Value:
        return values[name] if name in values else asked.get(name)

    if any(asked.get(name) is None and values.get(name) is not None for name in COMPARED):
        return False  # a device that was not named is not a known one either
    first = get("first_payment")
    if first is True and get("first_at_merchant") is False:
        return False
    if get("new_device") is False and "seconds_since_device_seen" in asked.index:
        return get("seconds_since_device_seen") is not None
    # Of a customer without a past, nobody knows what the past would have been.
    return not (first is False and asked.get("first_payment") is not False)


def _turned(name: str, value: bool) -> Fact:
    """A boolean that no sentence above speaks of."""
    fr, en = (CATALOGUE[name].fr, CATALOGUE[name].en) if name in CATALOGUE else (name, name)
    words = ("Sans ce fait", "Without this") if value else ("Avec ce fait", "With this")
    return Fact(name, (name,), _set(**{name: not value}), f"{words[0]} : {fr}", f"{words[1]}: {en}")
