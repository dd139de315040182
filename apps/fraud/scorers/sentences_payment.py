"""What is said of the payment itself: amount, time, means, device, places."""

from __future__ import annotations

from typing import Final

from apps.fraud.scorers.explain_words import Pair, about, counted, money, numbers, percent, sentence, shortened
from apps.fraud.scorers.told import Say, Told

# From here a ratio is "so many times", below its inverse it is a part; between, the amount is like the average.
NEAR: Final = 1.15
# Standard deviations from which an amount is told to be far out.
FAR_OUT: Final = 2.0
METHODS: Final = {
    "card": Pair("carte", "card"), "paypal": Pair("PayPal", "PayPal"), "apple_pay": Pair("Apple Pay", "Apple Pay"),
    "google_pay": Pair("Google Pay", "Google Pay"), "bank_transfer": Pair("virement", "bank transfer"),
}  # fmt: skip
DEVICES: Final = {
    "web_desktop": Pair("ordinateur", "computer"), "web_mobile": Pair("navigateur mobile", "mobile browser"),
    "ios": Pair("application iOS", "iOS app"), "android": Pair("application Android", "Android app"),
}  # fmt: skip
DAYS_FR: Final = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
DAYS_EN: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def amount_words(told: Told) -> Pair | None:
    own, euros, currency = told.number("amount"), told.number("amount_eur"), told.text("currency")
    if own is None or (currency in (None, "EUR") and euros is not None):
        return None if euros is None else money(euros)
    paid = money(own, currency or "EUR", told.minor_units)
    if euros is None:
        return paid
    worth = money(euros)
    return Pair(f"{paid.fr} ({worth.fr})", f"{paid.en} ({worth.en})")


def times(ratio: float, of_fr: str, of_en: str) -> Pair:
    if ratio >= NEAR:
        how = numbers(ratio, 1 if ratio < 100 else 0)
        return Pair(f"{how.fr} fois {of_fr}", f"{how.en} times {of_en}")
    if ratio <= 1 / NEAR:
        part = percent(ratio)
        return Pair(f"{part.fr} de {of_fr}", f"{part.en} of {of_en}")
    return Pair(f"proche de {of_fr}", f"close to {of_en}")


def amount(told: Told) -> Pair | None:
    paid = amount_words(told)
    if paid is None:
        return None
    mean, ratio = told.number("customer_amount_mean"), told.number("amount_ratio")
    deviation = told.number("amount_deviation")
    if mean and ratio is not None:
        usual = about(mean)
        how = times(ratio, f"la moyenne de ce client ({usual.fr})", f"this customer's average ({usual.en})")
        fr, en = f"montant {paid.fr} : {how.fr}", f"amount {paid.en}: {how.en}"
        if deviation is not None and abs(deviation) >= FAR_OUT:
            far = numbers(abs(deviation), 1)
            fr, en = f"{fr}, à {far.fr} écarts-types", f"{en}, {far.en} standard deviations away"
        return sentence(fr, en)
    more = against_all(told, "amount_eur")
    if mean is None and told.number("previous_payments") == 0:
        more = Pair(f"{more.fr}, premier paiement de ce client", f"{more.en}, this customer's first payment")
    return sentence(f"montant {paid.fr}{more.fr}", f"amount {paid.en}{more.en}")


def merchant_usual(told: Told) -> Pair | None:
    paid, mean, ratio = amount_words(told), told.number("merchant_amount_mean"), told.number("merchant_amount_ratio")
    if not mean:
        return None
    usual = about(mean)
    if paid is None or ratio is None:
        return sentence(f"moyenne de ce marchand : {usual.fr}", f"this merchant's average: {usual.en}")
    how = times(ratio, f"la moyenne de ce marchand ({usual.fr})", f"this merchant's average ({usual.en})")
    return sentence(f"montant {paid.fr} : {how.fr}", f"amount {paid.en}: {how.en}")


def against_all(told: Told, name: str) -> Pair:
    """What the training period says of it, or nothing."""
    value = told.number(name)
    share = None if value is None else told.usual.share_below(name, value)
    if share is None:
        return Pair("", "")
    part = percent(share)
    return Pair(f" : plus que {part.fr} des paiements", f": more than {part.en} of payments")


def hour(told: Told) -> Pair | None:
    at = told.number("hour")
    if at is None:
        return None
    night = told.get("is_night") is True
    fr, en = f"paiement fait à {at:.0f} h, heure locale", f"paid between {at:02.0f}:00 and {at:02.0f}:59, local time"
    return sentence(f"{fr}, la nuit" if night else fr, f"{en}, at night" if night else en)


def day(told: Told) -> Pair | None:
    at = told.number("weekday")
    if at is None or not 1 <= at <= 7:
        return None
    return sentence(f"paiement fait un {DAYS_FR[int(at) - 1]}", f"paid on a {DAYS_EN[int(at) - 1]}")


def method(told: Told) -> Pair | None:
    code = told.text("method")
    if code is None:
        return None
    found = METHODS.get(code, Pair(shortened(code), shortened(code)))
    return sentence(f"moyen de paiement : {found.fr}", f"means of payment: {found.en}")


def failed(told: Told) -> Pair | None:
    if told.get("failed") is not True:
        return sentence("paiement non annoncé comme échoué", "payment not announced as failed")
    code = told.text("failure_code")
    more = "" if code is None else f" ({shortened(code)})"
    return sentence(f"paiement annoncé comme échoué{more}", f"payment announced as failed{more}")


def card_range(_told: Told) -> Pair:
    """Its digits are shown to those who may see them, and in no sentence."""
    return sentence("premiers chiffres de la carte", "first digits of the card")


def device_kind(told: Told) -> Pair | None:
    kind = told.text("device_kind")
    named = None if kind is None else DEVICES.get(kind, Pair(kind, kind))
    rest = [shortened(one) for one in (told.text("os"), told.text("browser")) if one]
    if named is None and not rest:
        return None
    fr, en = ([] if named is None else [named.fr]) + rest, ([] if named is None else [named.en]) + rest
    return sentence(f"appareil : {', '.join(fr)}", f"device: {', '.join(en)}")


def origin(told: Told) -> Pair | None:
    said = [shortened(one) for one in (told.text("utm_source"), told.text("utm_campaign")) if one]
    return sentence(f"visite venue de : {', '.join(said)}", f"visit came from: {', '.join(said)}") if said else None


def basket(told: Told) -> Pair | None:
    if told.lead == "adult_restricted" and isinstance(held := told.get("adult_restricted"), bool):
        if held:
            return sentence("panier avec un article réservé aux adultes", "basket with goods for adults only")
        return sentence("panier sans article réservé aux adultes", "basket without goods for adults only")
    size = told.number("basket_size")
    if size is None:
        return None
    told_size = counted(size, ("article", "articles"), ("item", "items"))
    return sentence(f"panier de {told_size.fr}", f"basket of {told_size.en}")


# --- places -----------------------------------------------------------------------------------------------------------
PLACES: Final = {
    "payment_country": Pair("du paiement", "of the payment"),
    "ip_country": Pair("de l'adresse réseau", "of the network address"),
    "card_country": Pair("de la carte", "of the card"),
    "profile_country": Pair("du profil", "of the profile"),
    "billing_country": Pair("de facturation", "of the bill"),
}


def not_told(name: str) -> Pair:
    words = PLACES[name]
    return sentence(f"pays {words.fr} non communiqué", f"country {words.en} not told")


def place(own: str, *others: tuple[str, str]) -> Say:
    """`others` are pairs of countries to compare, the one that tells most first."""

    def say(told: Told) -> Pair | None:
        if told.lead in PLACES and told.value is None:
            return not_told(told.lead)
        for one, other in others:
            here, there = told.country(one), told.country(other)
            if here is not None and there is not None and here != there:
                a, b = PLACES[one], PLACES[other]
                return sentence(
                    f"pays {a.fr} : {here.fr} ; {b.fr} : {there.fr}", f"country {a.en}: {here.en}; {b.en}: {there.en}"
                )
        found, words = told.country(own), PLACES[own]
        if found is None:
            return not_told(own)
        same = any(told.text(other) == told.text(one) for one, other in others)
        more = Pair(", comme les autres", ", like the others") if same else Pair("", "")
        return sentence(f"pays {words.fr} : {found.fr}{more.fr}", f"country {words.en}: {found.en}{more.en}")

    return say


def plain_text(name: str, fr: str, en: str) -> Say:
    def say(told: Told) -> Pair | None:
        value = told.text(name)
        return None if value is None else sentence(f"{fr} : {shortened(value)}", f"{en}: {shortened(value)}")

    return say


PAYMENT: Final[dict[str, Say]] = {
    "amount": amount,
    "merchant_usual": merchant_usual,
    "currency": plain_text("currency", "devise du paiement", "the payment's currency"),
    "hour": hour,
    "day": day,
    "method": method,
    "failed": failed,
    "card_range": card_range,
    "device_kind": device_kind,
    "origin": origin,
    "basket": basket,
    "segment": plain_text("segment", "segment du client", "the customer's segment"),
    "shop": plain_text("merchant_mcc", "catégorie du marchand", "the merchant's category"),
    "payment_place": place("payment_country", ("payment_country", "profile_country")),
    "ip_place": place("ip_country", ("ip_country", "profile_country"), ("ip_country", "payment_country")),
    "card_place": place(
        "card_country",
        ("card_country", "ip_country"),
        ("card_country", "profile_country"),
        ("card_country", "payment_country"),
    ),
    "billing_place": place("billing_country", ("billing_country", "payment_country")),
}  # fmt: skip
