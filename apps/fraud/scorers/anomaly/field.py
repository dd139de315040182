"""A thing that is measured of a payment, or of an hour of somebody's activity, declared once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from apps.fraud.engine.features.feature import Value

Kind = Literal["amount", "count", "flag", "choice"]


@dataclass(frozen=True, slots=True)
class Field:
    """`amount`: odd when there is much or little of it. `count`: when there is much. `flag`: when it is so. `choice`:
    one of several, when it and all that are no commoner are rare together, so that one of 24 equal hours is not.

    Fields of one theme say related things, and count together: the forest sees themes.
    """

    name: str
    kind: Kind
    theme: str
    fr: str
    en: str


Columns = Mapping[str, Sequence[Value]]
"""A list of values a field, all of the same length."""
