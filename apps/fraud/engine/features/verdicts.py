"""Frauds that were known when the payment was attempted: a label counts from the moment it arrived, never before."""

from __future__ import annotations

from collections.abc import Sequence

from apps.fraud.engine.features.case import Case
from apps.fraud.engine.features.feature import Feature, Group, Value
from apps.fraud.engine.features.merchant import known_frauds

OWNERS = (
    ("customer", "du client", "of the customer", "feature state did not answer"),
    ("device", "de l'appareil", "of the device", "the payment names no device"),
    ("card", "de la carte", "of the card", "the payment names no card"),
)
FEATURES = tuple(
    Feature(f"{owner}_frauds", "integer", owner, f"paiements {fr} déjà connus comme fraudes",
            f"payments {en} already known as fraud", missing, None, 1)
    for owner, fr, en, missing in OWNERS
)  # fmt: skip


def compute(case: Case) -> Sequence[Value]:
    history = case.history
    if history is None:
        return (None, None, None)
    return (
        known_frauds(history.customer_verdicts, 0, case.at),
        None if history.device is None else known_frauds(history.device_verdicts, 0, case.at),
        None if history.card is None else known_frauds(history.card_verdicts, 0, case.at),
    )


GROUP = Group(FEATURES, compute)
