"""Which features the scorer leans on: by what they gain in the trees, and by what they add to payments' scores."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import xgboost

from apps.fraud.scorers.encoding import feature_types
from apps.fraud.scorers.training.rows import Rows

# Mean contributions settle after some thousand payments, and each costs as much as a hundred scores.
SAMPLE: Final = 2_000
DIGITS: Final = 6


def importances(booster: xgboost.Booster, rows: Rows, which: slice, *, threads: int) -> list[dict[str, Any]]:
    """The most important first. Gain is a share of all; `shap` is the mean step in log-odds, up or down."""
    gains = booster.get_score(importance_type="total_gain")
    whole = sum(float(_number(gain)) for gain in gains.values()) or 1.0
    matrix = rows.matrix[which]
    sample = matrix[:: max(len(matrix) // SAMPLE, 1)]
    told = xgboost.DMatrix(sample, feature_types=feature_types(rows.columns), enable_categorical=True, nthread=threads)
    shap = np.abs(booster.predict(told, pred_contribs=True, validate_features=False)[:, :-1]).mean(axis=0)
    found = [
        {
            "name": column.name,
            "gain": round(float(_number(gains.get(f"f{place}", 0.0))) / whole, DIGITS),
            "shap": round(float(shap[place]), DIGITS),
        }
        for place, column in enumerate(rows.columns)
    ]
    return sorted(found, key=lambda one: (-one["shap"], one["name"]))


def _number(gain: Any) -> float:
    return float(gain[0] if isinstance(gain, list) else gain)
