"""What is said of counts: how often and how much, in which window, and how that compares with what is usual."""

from __future__ import annotations

from typing import Final

from apps.fraud.scorers.explain_words import Pair, counted, duration, money, number, numbers, percent, sentence
from apps.fraud.scorers.families import what_and_window
from apps.fraud.scorers.told import Say, Told

WINDOWS: Final = {
    "10m": Pair("en 10 minutes", "in 10 minutes"), "1h": Pair("en 1 heure", "in an hour"),
    "24h": Pair("en 24 heures", "in 24 hours"), "7d": Pair("en 7 jours", "in 7 days"),
    "30d": Pair("en 30 jours", "in 30 days"),
}  # fmt: skip
BY: Final = {
    "customer": Pair("par ce client", "by this customer"), "device": Pair("par cet appareil", "by this device"),
    "card": Pair("avec cette carte", "with this card"),
    "ip": Pair("depuis cette adresse réseau", "from this network address"),
    "merchant": Pair("chez ce marchand", "at this merchant"),
}  # fmt: skip
ON_DEVICE: Final = Pair("sur cet appareil", "on this device")
ITS_OWN: Final = {
    "device": Pair("le paiement ne nomme pas d'appareil", "the payment names no device"),
    "card": Pair("le paiement ne nomme pas de carte", "the payment names no card"),
    "ip": Pair("le paiement ne nomme pas d'adresse réseau", "the payment names no network address"),
    "merchant": Pair("le paiement ne nomme pas de marchand", "the payment names no merchant"),
    "customer": Pair("historique du client indisponible", "the customer's history was not available"),
}
_TRIED: Final = (("paiement tenté", "paiements tentés"), ("payment attempt", "payment attempts"),
                 ("aucun paiement tenté", "no payment attempt"))  # fmt: skip
_DONE: Final = (("paiement réussi", "paiements réussis"), ("successful payment", "successful payments"),
                ("aucun paiement réussi", "no successful payment"))  # fmt: skip
_FAILED: Final = (("paiement échoué", "paiements échoués"), ("failed payment", "failed payments"),
                  ("aucun paiement échoué", "no failed payment"))  # fmt: skip
_NOUNS: Final = {"attempts": _TRIED, "successes": _DONE, "failures": _FAILED}
_DIFFERENT: Final = {
    "devices": (("appareil", "appareils différents"), ("device", "different devices")),
    "cards": (("carte", "cartes différentes"), ("card", "different cards")),
    "ips": (("adresse réseau", "adresses réseau différentes"), ("network address", "different network addresses")),
    "countries": (("pays de paiement", "pays de paiement différents"),
                  ("payment country", "different payment countries")),
    "customers": (("client", "clients différents"), ("customer", "different customers")),
}  # fmt: skip
_NO_DIFFERENT: Final = {
    "devices": ("aucun appareil nommé", "no device named"),
    "cards": ("aucune carte nommée", "no card named"),
    "ips": ("aucune adresse réseau nommée", "no network address named"),
    "countries": ("aucun pays de paiement nommé", "no payment country named"),
    "customers": ("aucun client", "no customer"),
}
FRAUDS: Final = {
    "customer": Pair("de ce client", "of this customer"), "device": Pair("de cet appareil", "of this device"),
    "card": Pair("de cette carte", "of this card"),
}  # fmt: skip


def usually(told: Told) -> Pair:
    """Half of all payments have no more than this."""
    middle, value = told.usual.middle(told.lead), told.number(told.lead)
    if middle is None or value is None or round(middle) == round(value):
        return Pair("", "")
    said = numbers(round(middle))
    return Pair(f" ; d'ordinaire {said.fr}", f"; usually {said.en}")


def counts(owner: str) -> Say:
    """Attempts, successes and failures; a short window beside the owner's own thirty days."""

    def say(told: Told) -> Pair | None:
        what, window = what_and_window(told.lead)
        value = told.number(told.lead)
        if what == "failure_rate":
            return _failure_rate(told)
        if value is None or what not in _NOUNS:
            return sentence(*ITS_OWN[owner]) if value is None else None
        said, span, by = counted(value, *_NOUNS[what]), WINDOWS[window], BY[owner]
        month = told.number(f"{owner}_{what}_30d") if window != "30d" else None
        beside = Pair("", "")
        if month is not None and month > value:
            beside = Pair(f" ; {number(month, 'fr')} en 30 jours", f"; {number(month, 'en')} in 30 days")
        usual = usually(told)
        return sentence(f"{said.fr} {by.fr} {span.fr}{beside.fr}{usual.fr}",
                        f"{said.en} {by.en} {span.en}{beside.en}{usual.en}")  # fmt: skip

    return say


def _failure_rate(told: Told) -> Pair | None:
    rate = told.number("merchant_failure_rate_24h")
    if rate is None:
        return None
    said = percent(rate)
    return sentence(f"{said.fr} d'échecs chez ce marchand en 24 heures",
                    f"{said.en} of payments failed at this merchant in 24 hours")  # fmt: skip


def spend(owner: str) -> Say:
    def say(told: Told) -> Pair | None:
        value = told.number(told.lead)
        _what, window = what_and_window(told.lead)
        if value is None:
            return sentence(*ITS_OWN[owner])
        said, by, span = money(value), BY[owner], WINDOWS[window]
        middle = told.usual.middle(told.lead)
        usual = Pair("", "")
        if middle is not None and round(middle) != round(value):
            half = money(middle, digits=0 if middle >= 10 else 2)
            usual = Pair(f" ; d'ordinaire {half.fr}", f"; usually {half.en}")
        return sentence(f"{said.fr} en tout {by.fr} {span.fr}{usual.fr}",
                        f"{said.en} in all {by.en} {span.en}{usual.en}")  # fmt: skip

    return say


def different(owner: str) -> Say:
    def say(told: Told) -> Pair | None:
        value = told.number(told.lead)
        what, window = what_and_window(told.lead)
        if value is None:
            return sentence(*ITS_OWN[owner])
        said = counted(value, *_DIFFERENT[what], _NO_DIFFERENT[what])
        by = ON_DEVICE if (owner, what) == ("device", "customers") else BY[owner]
        span, usual = WINDOWS[window], usually(told)
        return sentence(f"{said.fr} {by.fr} {span.fr}{usual.fr}", f"{said.en} {by.en} {span.en}{usual.en}")

    return say


def frauds(owner: str) -> Say:
    def say(told: Told) -> Pair | None:
        value = told.number(f"{owner}_frauds")
        if value is None:
            return sentence(*ITS_OWN[owner])
        of = FRAUDS[owner]
        if value == 0:
            return sentence(f"aucun paiement {of.fr} connu comme fraude", f"no payment {of.en} known as fraud")
        said = counted(value, ("paiement", "paiements"), ("payment", "payments"))
        known = "connus comme fraudes" if value >= 2 else "connu comme fraude"
        return sentence(f"{said.fr} {of.fr} {known}", f"{said.en} {of.en} known as fraud")

    return say


def merchant_frauds(told: Told) -> Pair | None:
    window = what_and_window(told.lead)[1] if told.lead in ("merchant_frauds_24h", "merchant_frauds_7d") else "30d"
    rate, known = told.number("merchant_fraud_rate_30d"), told.number(f"merchant_frauds_{window}")
    if known is None:
        return sentence(*ITS_OWN["merchant"])
    said = counted(known, ("fraude connue", "fraudes connues"), ("known fraud", "known frauds"),
                   ("aucune fraude connue", "no known fraud"))  # fmt: skip
    within = WINDOWS[window]
    fr, en = f"{said.fr} chez ce marchand {within.fr}", f"{said.en} at this merchant {within.en}"
    if rate and window == "30d":
        share = percent(rate)
        fr, en = f"{fr}, soit {share.fr} de ses paiements", f"{en}, {share.en} of its payments"
    return sentence(fr, en)


def merchant_fraud_run(told: Told) -> Pair | None:
    last, first = told.number("seconds_since_merchant_fraud"), told.number("merchant_fraud_run_seconds")
    ages = [duration(one) for one in (last, first) if one is not None]
    if not ages:
        return sentence("aucune fraude connue chez ce marchand", "no known fraud at this merchant")
    fr, en = (
        f"dernière fraude de ce marchand connue depuis {ages[0].fr}",
        f"this merchant's last fraud known for {ages[0].en}",
    )
    if last is None:
        fr, en = (
            f"fraudes de ce marchand connues depuis {ages[0].fr}",
            f"frauds of this merchant known for {ages[0].en}",
        )
    elif first is not None and first > last:
        fr, en = f"{fr}, la première de la série depuis {ages[1].fr}", f"{en}, the first of its run for {ages[1].en}"
    return sentence(fr, en)


def large(told: Told) -> Pair | None:
    value = told.number(told.lead)
    if value is None:
        return sentence("aucun paiement antérieur de ce client", "no earlier payment of this customer")
    said = counted(value, ("paiement", "paiements"), ("payment", "payments"), ("aucun paiement", "no payment"))
    return sentence(f"{said.fr} de plus de trois fois la moyenne du client en 7 jours",
                    f"{said.en} of more than three times the customer's average in 7 days")  # fmt: skip


COUNTS: Final[dict[str, Say]] = {
    **{f"{owner}_attempts": counts(owner) for owner in BY},
    **{f"{owner}_failures": counts(owner) for owner in BY},
    **{f"{owner}_spend": spend(owner) for owner in BY},
    **{f"customer_{what}": different("customer") for what in ("devices", "cards", "ips", "countries")},
    **{f"{owner}_customers": different(owner) for owner in ("device", "card", "ip")},
    **{f"{owner}_frauds": frauds(owner) for owner in FRAUDS},
    "merchant_frauds": merchant_frauds,
    "merchant_fraud_run": merchant_fraud_run,
    "customer_large": large,
}
