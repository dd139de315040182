"""One payment as sentences about it ask: values of its row by name, and which of them a sentence is to speak of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.country_names import country_name
from apps.fraud.scorers.explain_words import Pair
from apps.fraud.scorers.usual import Usual


@dataclass(frozen=True, slots=True)
class Told:
    """`lead` is the feature that weighs most in the reason to be told."""

    row: Sequence[Value]
    index: Mapping[str, int]
    usual: Usual
    lead: str = ""
    minor_units: int = 2

    def get(self, name: str) -> Value:
        place = self.index.get(name)
        return None if place is None or place >= len(self.row) else self.row[place]

    def number(self, name: str) -> float | None:
        value = self.get(name)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def text(self, name: str) -> str | None:
        value = self.get(name)
        return value if isinstance(value, str) else None

    def country(self, name: str) -> Pair | None:
        code = self.text(name)
        return None if code is None else Pair(country_name(code, "fr"), country_name(code, "en"))

    @property
    def value(self) -> Value:
        return self.get(self.lead)


Say = Callable[[Told], Pair | None]
"""Puts one fact into words; None where the row does not hold what it needs."""
