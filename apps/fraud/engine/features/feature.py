"""How a feature is declared: once, with everything that anybody needs to know of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from apps.fraud.engine.features.case import Case

Value = float | int | bool | str | None
Kind = Literal["number", "integer", "boolean", "text"]


@dataclass(frozen=True, slots=True)
class Feature:
    """`missing` says what an empty value means; `window` is the period it looks back on, if it does.

    `trend` is what the learned scorer may assume: 1 if more of it is never less suspicious, -1 the reverse, 0 no claim.
    """

    name: str
    kind: Kind
    owner: str
    fr: str
    en: str
    missing: str
    window: str | None = None
    trend: int = 0
    version: int = 1
    """Grows when the meaning changes and the name does not: scorers that learned the old one no longer match."""


@dataclass(frozen=True, slots=True)
class Group:
    """Features that are computed together, because they read the same things."""

    features: tuple[Feature, ...]
    compute: Callable[[Case], Sequence[Value]]
