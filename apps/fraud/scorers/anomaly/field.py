"""A thing that is measured of a payment, or of an hour of somebody's activity, declared once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from apps.fraud.engine.features.feature import Value

Kind = Literal["amount", "flag", "choice"]


@dataclass(frozen=True, slots=True)
class Field:
    """`amount`: more or less of something. `flag`: yes or no. `choice`: one of several, odd when it is rare.

    Fields of one theme say related things, and count together: the forest sees themes.
    """

    name: str
    kind: Kind
    theme: str
    fr: str
    en: str


Columns = Mapping[str, Sequence[Value]]
"""A list of values a field, all of the same length."""
