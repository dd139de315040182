"""One booster for a week of the protocol: learned from its rows alone, as a scorer that is served would be."""

from __future__ import annotations

from typing import Any

import xgboost
from msgspec import Struct, field

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.scorers.defaults import FEW_FRAUDS, FEW_FRAUDS_ROUNDS
from apps.fraud.scorers.encoding import feature_types
from apps.fraud.scorers.handbook import Fit, Indices, Scores
from apps.fraud.scorers.training.fitting import FIXED, margins_of, trends_of
from apps.fraud.scorers.training.rows import Rows


class Settings(Struct, frozen=True, kw_only=True):
    """`trends`: whether the booster must obey what the catalogue says of more and less."""

    parameters: dict[str, Any] = field(default_factory=lambda: dict(FEW_FRAUDS))
    rounds: int = FEW_FRAUDS_ROUNDS
    trends: bool = False
    seed: int = 1


def fitter(rows: Rows, settings: Settings, *, threads: int = 1) -> Fit:
    """The number of threads never changes the result."""
    told = {"feature_types": feature_types(rows.columns), "enable_categorical": True, "nthread": threads}
    trends = trends_of(rows.columns, CATALOGUE) if settings.trends else {}

    def fit(learn: Indices, test: Indices) -> Scores:
        truth = rows.fraud[learn]
        matrix = xgboost.QuantileDMatrix(rows.matrix[learn], label=truth, max_bin=FIXED["max_bin"], **told)
        # Told, and not estimated: see `training.fitting.Bench`.
        fixed = {**FIXED, "seed": settings.seed, "nthread": threads, "base_score": float(truth.mean())}
        booster = xgboost.train({**fixed, **trends, **settings.parameters}, matrix, settings.rounds)
        return margins_of(booster, rows.matrix[test])

    return fit
