"""What training hands over: everything that a registered scorer is made of, no table needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec import Struct


class Operating(Struct, frozen=True, kw_only=True):
    """What a champion decides with: thresholds of the combined score, and the scorer's weight in it."""

    challenge: float
    deny: float
    weight: float
    alone_deny: float
    """From where the scorer denies when the rules are down."""


@dataclass(frozen=True)
class Trained:
    artefact: bytes
    """As `Artefact.encoded()` gives it."""
    data_from: datetime
    data_until: datetime
    known_on: datetime
    label_delay_days: float
    seed: int
    parameters: Mapping[str, Any]
    report: Mapping[str, Any]
    operating: Operating
    baseline: Mapping[str, Any]
    """See `drift.py`."""
    pictures: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """SVG by name and language."""
