"""The features, lists and rows that the tests of the language share."""

from __future__ import annotations

from apps.fraud.engine.features.feature import Feature, Kind
from apps.fraud.engine.rules import ListHits

KINDS: dict[str, Kind] = {
    "amount": "number",
    "average": "number",
    "attempts": "integer",
    "devices": "integer",
    "first_payment": "boolean",
    "night": "boolean",
    "country": "text",
    "source": "text",
}
CATALOGUE = {name: Feature(name, kind, "tests", name, name, "not known") for name, kind in KINDS.items()}
INDEX = {name: place for place, name in enumerate(KINDS)}
LIST_NAMES = ("risky", "vip", "empty")
LISTS = ListHits(hits=frozenset({"vip"}), members={"risky": frozenset({"FR", "été", ""}), "vip": frozenset({"DE"})})


def row(**values: object) -> list:
    return [values.get(name) for name in KINDS]
