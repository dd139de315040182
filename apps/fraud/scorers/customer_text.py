"""What a customer may be told of a decision: what it was about, never what tripped it.

Who defrauds reads such a letter as carefully as who pays honestly. So there are a dozen sentences and no more, each for
a whole kind of fact: no number, no limit, no name of a rule, a list or a feature, nothing of other people. They are the
same whichever condition was met, and come from the features that a rule or the scorer looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from apps.fraud.engine.outcome import Outcome
from apps.fraud.scorers.families import family_of


class CustomerReason(Struct, frozen=True):
    code: str
    fr: str
    en: str


class CustomerLetter(Struct, frozen=True):
    """Ready to be copied. Empty for a payment that was allowed: nothing was held against it."""

    reasons: tuple[CustomerReason, ...] = ()
    fr: str = ""
    en: str = ""


# More would let somebody take the sum of the parts apart.
MOST: Final = 3
SECURITY: Final = "security_check"
UNAVAILABLE: Final = "checks_unavailable"
_SENTENCES: Final = (
    ("unusual_purchase", "Ce paiement ne ressemble pas à vos achats habituels.",
     "This payment does not look like your usual purchases."),
    ("new_device", "Ce paiement a été fait avec un appareil ou un réseau que nous ne vous connaissions pas.",
     "This payment was made with a device or a network that we did not know as yours."),
    ("unusual_place", "Le lieu du paiement est inhabituel, ou les pays indiqués ne concordent pas.",
     "The place of the payment is unusual, or the countries given do not agree."),
    ("quick_succession", "Plusieurs paiements ou essais ont été faits en peu de temps.",
     "Several payments or attempts were made in a short time."),
    ("means_of_payment", "Le moyen de paiement n'est pas celui que vous utilisez d'habitude.",
     "The means of payment is not the one that you usually use."),
    ("little_known", "Nous connaissons encore peu ce compte.", "We do not know this account well yet."),
    ("unusual_time", "Le moment du paiement est inhabituel.", "The time of the payment is unusual."),
    ("unusual_visit", "Le déroulement de la commande est inhabituel.", "The course of the order is unusual."),
    ("failed_before", "Un paiement n'a pas abouti.", "A payment did not go through."),
    (SECURITY, "Ce paiement a été retenu par nos contrôles de sécurité.",
     "This payment was held by our security checks."),
    (UNAVAILABLE, "Nos contrôles étaient momentanément indisponibles. Vous pouvez réessayer plus tard.",
     "Our checks were unavailable for a moment. You can try again later."),
)  # fmt: skip
REASONS: Final = {code: CustomerReason(code, fr.replace("'", "’"), en) for code, fr, en in _SENTENCES}
# What is not here says something of others, of known frauds or of a merchant: that is a security check.
_CATEGORY: Final = {
    **dict.fromkeys(("amount", "basket", "currency", "shop", "merchant_known", "merchant_usual", "segment",
                     "customer_large"), "unusual_purchase"),
    **dict.fromkeys(("device_kind", "device_known", "ip_known", "hop", "customer_devices", "customer_ips"),
                    "new_device"),
    **dict.fromkeys(("payment_place", "ip_place", "card_place", "billing_place", "country_known",
                     "customer_countries"), "unusual_place"),
    **dict.fromkeys(("customer_attempts", "device_attempts", "card_attempts", "customer_spend", "device_spend",
                     "card_spend", "last_payment"), "quick_succession"),
    **dict.fromkeys(("method", "card_range", "customer_cards"), "means_of_payment"),
    **dict.fromkeys(("account", "history"), "little_known"),
    **dict.fromkeys(("hour", "day"), "unusual_time"),
    **dict.fromkeys(("cart", "visit", "origin"), "unusual_visit"),
    **dict.fromkeys(("failed", "customer_failures", "card_failures", "device_failures"), "failed_before"),
}  # fmt: skip
_FIRST: Final = {
    Outcome.CHALLENGE: ("Nous avons demandé une vérification de votre paiement.",
                        "We asked for a verification of your payment."),
    Outcome.DENY: ("Nous n'avons pas accepté votre paiement.", "We did not accept your payment."),
}  # fmt: skip
_LAST: Final = ("Vous pouvez nous demander qu'une personne réexamine cette décision.",
                "You can ask us to have a person look at this decision again.")  # fmt: skip


def category_of(feature: str) -> str:
    return category_of_family(family_of(feature))


def category_of_family(family: str) -> str:
    return _CATEGORY.get(family, SECURITY)


def categories_of_features(features: Iterable[str], weight: float) -> dict[str, float]:
    """A rule's weight, in equal parts, to each kind of fact that it looks at."""
    kinds = sorted({category_of(name) for name in features}) or [SECURITY]
    return {kind: weight / len(kinds) for kind in kinds}


def letter(outcome: Outcome, weights: Mapping[str, float]) -> CustomerLetter:
    """`weights` by category: the weightiest few, and a security check when nothing else can be said."""
    if outcome is Outcome.ALLOW:
        return CustomerLetter()
    ordered = sorted((code for code, weight in weights.items() if weight > 0), key=lambda one: (-weights[one], one))
    reasons = tuple(REASONS[code] for code in ordered[:MOST] or [SECURITY])
    first = _FIRST[outcome]
    fr, en = [first[0], *(one.fr for one in reasons), _LAST[0]], [first[1], *(one.en for one in reasons), _LAST[1]]
    return CustomerLetter(reasons, " ".join(fr).replace("'", "’"), " ".join(en))
