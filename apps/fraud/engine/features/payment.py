"""What the payment itself says."""

from __future__ import annotations

from collections.abc import Sequence

from apps.fraud.engine.features.case import Case
from apps.fraud.engine.features.feature import Feature, Group, Value

NEVER = "never missing"
NOT_TOLD = "the sender did not tell"
NO_RATE = "the currency has no reference rate"
NIGHT_FROM, NIGHT_TO = 22, 6


def _f(name: str, kind: str, fr: str, en: str, missing: str = NEVER) -> Feature:
    return Feature(name, kind, "payment", fr, en, missing)  # type: ignore[arg-type]  # the catalogue's test checks kinds


FEATURES = (
    _f("amount", "number", "montant, dans la devise du paiement", "amount, in the payment's currency"),
    _f(
        "amount_eur",
        "number",
        "montant en euros, au cours de référence",
        "amount in euros, at the reference rate",
        NO_RATE,
    ),
    _f("currency", "text", "devise du paiement", "the payment's currency"),
    _f("hour", "integer", "heure locale du paiement (0 à 23)", "local hour of the payment (0 to 23)"),
    _f("weekday", "integer", "jour de la semaine (1 lundi à 7 dimanche)", "day of the week (1 Monday to 7 Sunday)"),
    _f("is_weekend", "boolean", "samedi ou dimanche", "Saturday or Sunday"),
    _f("is_night", "boolean", "entre 22 h et 6 h, heure locale", "between 22:00 and 06:00, local time"),
    _f("method", "text", "moyen de paiement", "means of payment"),
    _f("failed", "boolean", "le paiement a échoué quand il est annoncé", "the payment has failed when it is told"),
    _f("failure_code", "text", "motif du refus", "reason of the refusal", "it has not failed, or no reason was told"),
    _f("card_bin", "text", "six ou huit premiers chiffres de la carte", "first digits of the card", NOT_TOLD),
    _f("device_kind", "text", "type d'appareil", "kind of device", NOT_TOLD),
    _f("is_mobile", "boolean", "application mobile (ios ou android)", "mobile app (ios or android)", NOT_TOLD),
    _f("os", "text", "système de l'appareil", "the device's system", NOT_TOLD),
    _f("browser", "text", "navigateur", "browser", NOT_TOLD),
    _f("utm_source", "text", "origine de la visite (utm_source)", "where the visit came from (utm_source)", NOT_TOLD),
    _f("utm_campaign", "text", "campagne de la visite", "the visit's campaign", NOT_TOLD),
    _f("basket_size", "integer", "nombre d'articles du panier", "articles in the basket", NOT_TOLD),
    _f("adult_restricted", "boolean", "le panier contient un article réservé aux adultes",
       "the basket holds goods for adults only", NOT_TOLD),
    _f("segment", "text", "segment commercial du client", "the customer's commercial segment", "no such customer"),
    _f("merchant", "text", "identifiant du marchand", "the merchant's id", NOT_TOLD),
    _f("merchant_mcc", "text", "code de catégorie du marchand", "the merchant's category code", "not on record"),
)  # fmt: skip


def compute(case: Case) -> Sequence[Value]:
    facts, hour, weekday = case.facts, case.hour, case.weekday
    kind = facts.device_kind
    return (
        facts.amount,
        None if case.cents is None else case.cents / 100,
        facts.currency,
        hour,
        weekday,
        weekday >= 6,
        hour >= NIGHT_FROM or hour < NIGHT_TO,
        facts.method,
        facts.status == "failed",
        (facts.failure_code or None) if facts.status == "failed" else None,
        facts.card_bin,
        kind,
        None if kind is None else kind in ("ios", "android"),
        facts.os,
        facts.browser,
        facts.utm_source,
        facts.utm_campaign,
        facts.basket_size,
        facts.adult_restricted,
        facts.segment,
        facts.merchant,
        facts.merchant_mcc,
    )


GROUP = Group(FEATURES, compute)
