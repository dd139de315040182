"""What is said of the customer's habits: age of the account, earlier payments, what is new, the visit."""

from __future__ import annotations

from typing import Final

from apps.fraud.scorers.explain_words import DAY, Pair, counted, duration, numbers, sentence
from apps.fraud.scorers.told import Say, Told

STEPS: Final = {1: Pair("page", "page"), 2: Pair("produit", "product"), 3: Pair("panier", "cart"),
                4: Pair("commande", "checkout")}  # fmt: skip


def account(told: Told) -> Pair | None:
    days = told.number("account_age_days")
    if days is None:
        return None
    age = duration(max(days, 0.0) * DAY)
    return sentence(f"compte ouvert depuis {age.fr}", f"account opened {age.en} ago")


def history(told: Told) -> Pair | None:
    before, done = told.number("previous_payments"), told.number("previous_successes")
    if before is None:
        return None
    if before == 0:
        return sentence("premier paiement de ce client", "this customer's first payment")
    tried = counted(before, ("paiement", "paiements"), ("payment", "payments"))
    fr, en = f"{tried.fr} avant celui-ci par ce client", f"{tried.en} before this one by this customer"
    if done is not None:
        good = counted(done, ("réussi", "réussis"), ("succeeded", "succeeded"), ("aucun réussi", "none succeeded"))
        fr, en = f"{fr}, dont {good.fr}", f"{en}, of which {good.en}"
    return sentence(fr, en)


def last_payment(told: Told) -> Pair | None:
    since = told.number("seconds_since_last_payment")
    if since is None:
        return sentence("aucun paiement précédent de ce client", "no earlier payment of this customer")
    ago, month = duration(since), told.number("customer_attempts_30d")
    fr, en = f"paiement précédent de ce client il y a {ago.fr}", f"this customer's last payment was {ago.en} ago"
    if month is not None and month > 1:
        many = numbers(month)
        fr, en = f"{fr} ; {many.fr} en 30 jours avec celui-ci", f"{en}; {many.en} in 30 days with this one"
    return sentence(fr, en)


def cart(told: Told) -> Pair | None:
    since = told.number("seconds_since_cart")
    if since is None:
        return None
    took, middle = duration(since), told.usual.middle("seconds_since_cart")
    fr, en = f"{took.fr} entre le panier et le paiement", f"{took.en} between the cart and the payment"
    if middle is not None and (usually := duration(middle)) != took:
        fr, en = f"{fr} ; d'ordinaire {usually.fr}", f"{en}; usually {usually.en}"
    return sentence(fr, en)


def known(name: str, new: Pair, met: Pair, *, among: bool = True) -> Say:
    """Something that this customer never used, `among` as many payments as there were."""

    def say(told: Told) -> Pair | None:
        is_new = told.get(name)
        if not isinstance(is_new, bool):
            return None
        said, before = (new if is_new else met), told.number("previous_payments")
        if not is_new or not before or not among:
            return sentence(*said)
        so_far = counted(
            before, ("paiement précédent", "paiements précédents"), ("earlier payment", "earlier payments")
        )
        return sentence(f"{said.fr}, en {so_far.fr}", f"{said.en} in {so_far.en}")

    return say


_device: Final = known(
    "new_device",
    Pair("appareil jamais utilisé par ce client", "a device that this customer never used"),
    Pair("appareil déjà utilisé par ce client", "a device that this customer has used before"),
)


def device_known(told: Told) -> Pair | None:
    """How long a device has been known is another matter than whether this customer used it."""
    since = told.number("seconds_since_device_seen")
    if told.lead != "new_device" or told.get("new_device") is None:
        if since is None:
            return sentence("appareil jamais vu auparavant", "a device never seen before")
        ago = duration(since)
        return sentence(f"appareil vu pour la première fois il y a {ago.fr}", f"device first seen {ago.en} ago")
    return _device(told)


def hop(told: Told) -> Pair | None:
    changed = told.get("device_ip_change_1h")
    if not isinstance(changed, bool):
        return None
    if changed:
        return sentence("appareil et adresse réseau changés en moins d'une heure",
                        "device and network address both changed within an hour")  # fmt: skip
    return sentence("ni changement d'appareil et d'adresse réseau dans l'heure",
                    "no change of device and network address within the hour")  # fmt: skip


def visit(told: Told) -> Pair | None:
    events, seconds, step = (told.number(f"session_{name}") for name in ("events", "seconds", "step"))
    if events is None:
        return sentence("visite avant le paiement inconnue", "nothing known of the visit before the payment")
    acts = counted(events, ("action", "actions"), ("event", "events"), ("aucune action", "no event"))
    fr, en = f"visite de {acts.fr}" if events else "visite sans action", f"visit of {acts.en}"
    if seconds is not None:
        took = duration(seconds)
        fr, en = f"{fr} en {took.fr}", f"{en} within {took.en}"
    if step is not None and (reached := STEPS.get(int(step))):
        fr, en = f"{fr}, jusqu'à l'étape : {reached.fr}", f"{en}, as far as: {reached.en}"
    return sentence(fr, en)


CUSTOMER: Final[dict[str, Say]] = {
    "account": account,
    "history": history,
    "last_payment": last_payment,
    "cart": cart,
    "device_known": device_known,
    "ip_known": known(
        "new_ip",
        Pair("adresse réseau jamais utilisée par ce client", "a network address that this customer never used"),
        Pair("adresse réseau déjà utilisée par ce client", "a network address that this customer has used before"),
    ),
    "country_known": known(
        "new_country",
        Pair("pays d'où ce client n'a jamais payé", "a country from which this customer never paid"),
        Pair("pays d'où ce client a déjà payé", "a country from which this customer has paid before"),
    ),
    "merchant_known": known(
        "first_at_merchant",
        Pair("premier paiement de ce client chez ce marchand", "this customer's first payment at this merchant"),
        Pair("marchand chez qui ce client a déjà payé", "a merchant where this customer has paid before"),
        among=False,
    ),
    "hop": hop,
    "visit": visit,
}
