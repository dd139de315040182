"""What is usual for this customer: amounts, age of the account, what is new."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final

from apps.fraud.engine.event import NOTHING, short_key
from apps.fraud.engine.features.case import DAY, HOUR, SECOND, Case
from apps.fraud.engine.features.distinct import NO_COUNTRY, country_key
from apps.fraud.engine.features.feature import Feature, Group, Value
from apps.fraud.engine.history import AT, COUNTRY, DEVICE, IP, MERCHANT, Past

STATE_AWAY: Final = "feature state did not answer"


def _f(name: str, kind: str, fr: str, en: str, missing: str, window: str | None = None, trend: int = 0) -> Feature:
    return Feature(name, kind, "customer", fr, en, missing, window, trend)  # type: ignore[arg-type]


FEATURES = (
    _f("customer_amount_mean", "number", "montant moyen en euros des paiements précédents du client",
       "average amount in euros of the customer's earlier payments", "no earlier payment with an amount in euros"),
    _f("customer_amount_std", "number", "écart-type (de population) en euros des paiements précédents du client",
       "standard deviation (of a population) in euros of the customer's earlier payments",
       "fewer than two earlier payments with an amount in euros"),
    _f("amount_ratio", "number", "montant rapporté à la moyenne du client",
       "amount divided by the customer's average", "no average, an average of zero, or no amount in euros", None, 1),
    _f("amount_deviation", "number", "écart à la moyenne du client, en écarts-types",
       "distance from the customer's average, in standard deviations",
       "no deviation, a deviation of zero, or no amount in euros"),
    _f("account_age_days", "number", "âge du compte en jours", "age of the account in days",
       "registration unknown or after the payment", None, -1),
    _f("previous_payments", "integer", "paiements tentés avant celui-ci par le client",
       "payments the customer attempted before this one", STATE_AWAY),
    _f("previous_successes", "integer", "paiements réussis avant celui-ci par le client",
       "payments of the customer that succeeded before this one", STATE_AWAY),
    _f("first_payment", "boolean", "premier paiement tenté par le client", "the customer's first payment attempt",
       STATE_AWAY),
    _f("first_purchase", "boolean", "aucun paiement réussi avant celui-ci",
       "no payment of the customer succeeded before this one", STATE_AWAY),
    _f("seconds_since_last_payment", "number", "secondes depuis le paiement précédent du client",
       "seconds since the customer's last payment", "no earlier payment on record"),
    _f("seconds_since_cart", "number", "secondes entre le panier et le paiement",
       "seconds between the cart and the payment", "the cart was not told, or lies after the payment"),
    _f("seconds_since_device_seen", "number",
       "secondes depuis la première apparition de l'appareil, chez n'importe quel client",
       "seconds since the device was first seen, with whichever customer",
       "the payment names no device, or it was never seen"),
    _f("new_device", "boolean", "appareil jamais utilisé par ce client, qui a déjà payé",
       "a device that this customer, who has paid before, never used", "no device named, or no earlier payment"),
    _f("new_ip", "boolean", "adresse réseau jamais utilisée par ce client, qui a déjà payé",
       "a network address that this customer, who has paid before, never used",
       "no address named, or no earlier payment"),
    _f("new_country", "boolean", "pays où ce client, qui a déjà payé, n'a jamais payé",
       "a country from which this customer, who has paid before, never paid", "no country told, or no earlier payment"),
    _f("first_at_merchant", "boolean", "premier paiement du client chez ce marchand",
       "the customer's first payment at this merchant", "the payment names no merchant"),
    _f("device_ip_change_1h", "boolean",
       "appareil et adresse réseau tous deux changés depuis le paiement précédent, dans l'heure",
       "device and network address both changed since the last payment, within the hour",
       "no earlier payment, or a device or an address of the two was not told", "1h"),
)  # fmt: skip


def _norms(case: Case, earlier: Past) -> list[Value]:
    count, cents, squares = earlier.totals()
    if not count:
        return [None, None, None, None]
    mean = cents / count / 100
    # Whole numbers until the root: exact, whatever the amounts.
    spread = sqrt(count * squares - cents * cents) / count / 100 if count > 1 else None
    own = None if case.cents is None else case.cents / 100
    ratio = own / mean if own is not None and mean else None
    deviation = (own - mean) / spread if own is not None and spread else None
    return [mean, spread, ratio, deviation]


def _before(case: Case, earlier: Past) -> list[Value]:
    successes = earlier.successes()
    count = earlier.folded.count + earlier.count
    since = (case.at - earlier.last(AT)) / SECOND if earlier.count else None
    return [count, successes, count == 0, successes == 0, since]


def _new(earlier: Past, position: int, key: bytes, empty: bytes) -> Value:
    if key == empty or not (earlier.count or earlier.folded.count):
        return None
    return not earlier.met(position, key)


def _device_seen(case: Case) -> Value:
    earlier = case.earlier("device")
    first = None if earlier is None else earlier.first_at()
    return None if first is None else (case.at - first) / SECOND


def _hop(case: Case, earlier: Past, device: bytes, ip: bytes) -> Value:
    if not earlier.count:
        return None
    last_at, last_device, last_ip = earlier.last(AT), earlier.last(DEVICE), earlier.last(IP)
    if NOTHING in (device, ip, last_device, last_ip):
        return None
    return last_at >= case.at - HOUR and bool(last_device != device and last_ip != ip)


def compute(case: Case) -> Sequence[Value]:
    facts, earlier = case.facts, case.earlier("customer")
    age = (case.at - facts.registered_at) / DAY if facts.registered_at is not None else None
    age = None if age is None or age < 0 else age
    cart = (case.at - facts.cart_at) / SECOND if facts.cart_at is not None and facts.cart_at <= case.at else None
    if earlier is None:
        return [None] * 4 + [age] + [None] * 5 + [cart] + [None] * 6
    device, ip, merchant = short_key(facts.device), short_key(facts.ip), short_key(facts.merchant)
    return [
        *_norms(case, earlier),
        age,
        *_before(case, earlier),
        cart,
        _device_seen(case),
        _new(earlier, DEVICE, device, NOTHING),
        _new(earlier, IP, ip, NOTHING),
        _new(earlier, COUNTRY, country_key(facts.payment_country), NO_COUNTRY),
        None if merchant == NOTHING else not earlier.met(MERCHANT, merchant),
        _hop(case, earlier, device, ip),
    ]


GROUP = Group(FEATURES, compute)
