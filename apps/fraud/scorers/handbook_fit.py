"""One booster for a week of the protocol: learned from its rows alone, as a scorer that is served would be."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import xgboost
from msgspec import Struct, field

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.scorers.defaults import FEW_FRAUDS, FEW_FRAUDS_ROUNDS
from apps.fraud.scorers.encoding import feature_types
from apps.fraud.scorers.handbook import Fit, Indices, Scores
from apps.fraud.scorers.training.fitting import FIXED, margins_of, trends_of
from apps.fraud.scorers.training.rows import DAY, Flags, Rows

# What the sum says, beside the customer's own, and what is known of the merchant. Hours, weekdays and short counts are
# left out: seven days of payments show patterns in them that the week after does not have.
FEATURES: Final = (
    "amount_eur", "amount_ratio", "amount_deviation", "customer_amount_mean", "customer_amount_std",
    "customer_large_7d", "merchant_frauds_24h", "merchant_frauds_7d", "merchant_frauds_30d", "merchant_fraud_rate_30d",
    "seconds_since_merchant_fraud", "merchant_fraud_run_seconds", "merchant_attempts_7d", "merchant_attempts_30d",
)  # fmt: skip
# Of a fraud that more than a tenth of the genuine payments outdo, nothing can be learned but how they happen to lie.
ORDINARY: Final = 0.9


class Settings(Struct, frozen=True, kw_only=True):
    """`features`: all that the rows have, if none is named. `trends`: whether the booster must obey what the catalogue
    says of more and less. `ordinary`: frauds of the training that rank below this share of its genuine payments, to
    boosters that did not learn from them, are not learned from. None: all are."""

    parameters: dict[str, Any] = field(default_factory=lambda: dict(FEW_FRAUDS))
    rounds: int = FEW_FRAUDS_ROUNDS
    features: tuple[str, ...] = FEATURES
    trends: bool = False
    ordinary: float | None = ORDINARY
    seed: int = 1


def used_of(rows: Rows, settings: Settings) -> tuple[str, ...]:
    return tuple(one.name for one in rows.columns if not settings.features or one.name in settings.features)


def fitter(rows: Rows, settings: Settings, *, threads: int = 1) -> Fit:
    """The number of threads never changes the result."""
    used = used_of(rows, settings)
    places = np.array([n for n, one in enumerate(rows.columns) if one.name in used])
    columns = [rows.columns[n] for n in places]
    told = {"feature_types": feature_types(columns), "enable_categorical": True, "nthread": threads}
    trends = trends_of(columns, CATALOGUE) if settings.trends else {}

    def scored(learn: Indices, test: Indices) -> Scores:
        truth = rows.fraud[learn]
        matrix = xgboost.QuantileDMatrix(
            rows.matrix[np.ix_(learn, places)], label=truth, max_bin=FIXED["max_bin"], **told
        )
        # Told, and not estimated: see `training.fitting.Bench`.
        fixed = {**FIXED, "seed": settings.seed, "nthread": threads, "base_score": float(truth.mean())}
        booster = xgboost.train({**fixed, **trends, **settings.parameters}, matrix, settings.rounds)
        return margins_of(booster, rows.matrix[np.ix_(test, places)])

    def fit(learn: Indices, test: Indices) -> Scores:
        if settings.ordinary is not None:
            learn = learn[~ordinary_frauds(rows, learn, scored, settings.ordinary)]
        return scored(learn, test)

    return fit


def ordinary_frauds(rows: Rows, learn: Indices, fit: Fit, share: float) -> Flags:
    """Frauds that looked like other payments, told from the training's own rows: every second day judges the others."""
    truth, nobody = rows.fraud[learn], np.zeros(len(learn), dtype=bool)
    days, scores = rows.at[learn] // DAY, np.zeros(len(learn), dtype=np.float32)
    _days, order = np.unique(days, return_inverse=True)
    for half in (order % 2 == 0, order % 2 == 1):
        if not half.any() or not truth[~half].any() or truth[~half].all():
            return nobody
        scores[half] = fit(learn[~half], learn[half])
    found: Flags = truth & (scores < np.quantile(scores[~truth], share))
    return nobody if found.sum() == truth.sum() else found
