"""The shipped statuses and the changes allowed between them. Pure data: migrations fill the tables from it."""

from __future__ import annotations

from typing import Final, NamedTuple


class Status(NamedTuple):
    code: str
    label_fr: str
    label_en: str
    is_initial: bool
    is_success: bool


STATUSES: Final = (
    Status("pending", "En attente", "Pending", True, False),
    Status("success", "Réussi", "Succeeded", True, True),
    Status("failed", "Échoué", "Failed", True, False),
    Status("blocked", "Bloqué", "Blocked", False, False),
    Status("cancelled", "Annulé", "Cancelled", False, False),
    Status("refunded", "Remboursé", "Refunded", False, False),
    Status("disputed", "Contesté", "Disputed", False, True),
    Status("charged_back", "Rétrofacturé", "Charged back", False, False),
)

TRANSITIONS: Final = (
    ("pending", "success"),
    ("pending", "failed"),
    ("pending", "blocked"),
    ("pending", "cancelled"),
    ("failed", "pending"),  # the customer tries the same payment again
    ("blocked", "pending"),  # an analyst lifts the block
    ("success", "refunded"),
    ("success", "disputed"),
    ("success", "charged_back"),
    ("disputed", "success"),  # the dispute is won
    ("disputed", "charged_back"),
)
