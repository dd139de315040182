"""What the visitor did before paying, as far as the shop tells of it."""

from __future__ import annotations

from collections.abc import Sequence

from apps.fraud.engine.features.case import SECOND, Case
from apps.fraud.engine.features.feature import Feature, Group, Value

UNKNOWN = "nothing is known of the visit, or the payment is computed anew from history"
LATEST = "of the visit's latest 128"

FEATURES = (
    Feature("session_events", "integer", "session", "actions de la visite avant le paiement (128 au plus)",
            f"events before the payment, {LATEST}", UNKNOWN),
    Feature("session_products", "integer", "session", "produits différents consultés pendant la visite",
            f"different products seen, {LATEST} events", UNKNOWN),
    Feature("session_step", "integer", "session",
            "étape la plus avancée de la visite : 1 page, 2 produit, 3 panier, 4 commande",
            "the visit's furthest step: 1 page, 2 product, 3 cart, 4 checkout", UNKNOWN),
    Feature("session_seconds", "number", "session", "secondes depuis la première action de la visite",
            f"seconds since the visit's first event, {LATEST}", UNKNOWN),
    Feature("session_cart_changes", "integer", "session", "ajouts au panier, retraits et changements de quantité",
            f"times the cart was changed, {LATEST} events", UNKNOWN),
)  # fmt: skip
_NOTHING = (None,) * len(FEATURES)


def compute(case: Case) -> Sequence[Value]:
    visit = None if case.history is None else case.history.visit
    if visit is None:
        return _NOTHING
    return (visit.events, visit.products, visit.step, (case.at - visit.first_at) / SECOND, visit.cart_changes)


GROUP = Group(FEATURES, compute)
