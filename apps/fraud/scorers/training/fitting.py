"""One booster: fitted on a part, stopped when another part gains no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from apps.fraud.engine.features.feature import Feature
from apps.fraud.scorers.artefact import Column
from apps.fraud.scorers.encoding import Matrix, feature_types
from apps.fraud.scorers.measures import average_precision
from apps.fraud.scorers.training.rows import Flags, Margins, Rows
from apps.fraud.scorers.training.split import Part, truth_of

Parameters = Mapping[str, Any]
# Three times what most fits need before they stop by themselves.
ROUNDS: Final = 800
PATIENCE: Final = 40
FIXED: Final[dict[str, Any]] = {
    "objective": "binary:logistic",
    # Frauds are few: how they rank is what stops, and not how sure the many genuine payments are.
    "eval_metric": "aucpr",
    "tree_method": "hist",
    "max_bin": 256,
}


class Bench:
    """A part to learn from and a part to stop by, in XGBoost's own form, for many fits."""

    def __init__(
        self, rows: Rows, learn: Part, stop: Part, *, seed: int, threads: int, keep: NDArray[np.int64] | None = None
    ) -> None:
        """`keep`: which rows of `learn` are learned from; all otherwise."""
        truth = truth_of(rows, learn)
        matrix = rows.matrix[learn.rows]
        if keep is not None:
            truth, matrix = truth[keep], matrix[keep]
        self._settings = {"feature_types": feature_types(rows.columns), "enable_categorical": True, "nthread": threads}
        bins = FIXED["max_bin"]
        self._learn = xgboost.QuantileDMatrix(matrix, label=truth, max_bin=bins, **self._settings)
        self.stop_truth, self.stop_matrix = truth_of(rows, stop), rows.matrix[stop.rows]
        self._stop = xgboost.QuantileDMatrix(
            self.stop_matrix, label=self.stop_truth, max_bin=bins, ref=self._learn, **self._settings
        )
        # Told, and not estimated: summing a million labels in threads is not the same sum each time.
        share = float(truth.mean())
        self._fixed = {**FIXED, "seed": seed, "nthread": threads, "base_score": min(max(share, 1e-6), 0.5)}

    def fit(self, parameters: Parameters, *, rounds: int = ROUNDS, patience: int = PATIENCE) -> xgboost.Booster:
        """Without the rounds after the best one."""
        booster = xgboost.train(
            {**self._fixed, **parameters},
            self._learn,
            rounds,
            evals=[(self._stop, "stop")],
            early_stopping_rounds=patience,
            verbose_eval=False,
        )
        return booster[: booster.best_iteration + 1]

    def fit_in_full(self, parameters: Parameters, *, rounds: int) -> xgboost.Booster:
        """So many rounds, whatever the part that stops says."""
        return xgboost.train({**self._fixed, **parameters}, self._learn, rounds, verbose_eval=False)

    def reached(self, booster: xgboost.Booster) -> float:
        """Average precision on the part that stops."""
        return average_precision(self.stop_truth, margins_of(booster, self.stop_matrix)) or 0.0


def margins_of(booster: xgboost.Booster, matrix: Matrix) -> Margins:
    """As a loaded scorer computes them."""
    found: Margins = booster.inplace_predict(matrix, predict_type="margin", validate_features=False)
    return found


def trends_of(columns: Sequence[Column], catalogue: Mapping[str, Feature]) -> dict[str, Any]:
    """What the catalogue lets a scorer assume: more of it is never less suspicious. Texts have no more and less."""
    signs = [0 if column.kind == "text" else catalogue[column.name].trend for column in columns]
    return {"monotone_constraints": "(" + ",".join(map(str, signs)) + ")"} if any(signs) else {}


def odds_of(truth: Flags) -> float:
    """Genuine payments to one fraud."""
    frauds = int(truth.sum())
    return (len(truth) - frauds) / max(frauds, 1)
