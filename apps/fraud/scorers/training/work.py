"""All that training found on its way; the report is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import xgboost

from apps.fraud.scorers.trained import Operating
from apps.fraud.scorers.training.imbalance import Tried
from apps.fraud.scorers.training.operating import RulesSaid
from apps.fraud.scorers.training.plan import Plan
from apps.fraud.scorers.training.rows import Floats, Rows
from apps.fraud.scorers.training.split import Part, Split


@dataclass(frozen=True, kw_only=True)
class Work:
    plan: Plan
    rows: Rows
    split: Split
    constant: tuple[str, ...]
    """Features that never change in the training period."""
    with_trend: tuple[str, ...]
    parameters: dict[str, Any]
    trials: list[dict[str, Any]]
    tried: list[Tried]
    best: Tried
    trend_table: list[dict[str, Any]]
    calibrations: list[dict[str, Any]]
    booster: xgboost.Booster
    """As it ships."""
    late: float
    """Frauds of validation there are for each that was known."""
    encoded: bytes
    probabilities: Floats
    """Of every row, as the scorer that ships says; of validation as the one says that had not learned from it."""
    rules: dict[str, RulesSaid]
    """By name, in the order of time."""
    decides: bool
    """Whether the first of them decides beside the scorer."""
    operating: Operating
    weights: list[dict[str, Any]]

    def part(self, part: Part) -> Floats:
        return self.probabilities[part.rows]

    @property
    def beside(self) -> RulesSaid | None:
        return next(iter(self.rules.values()), None) if self.decides else None
