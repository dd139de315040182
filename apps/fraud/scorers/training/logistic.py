"""A plain logistic regression on the same payments: what a scorer has to beat to be worth its trees."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.scorers.artefact import Column
from apps.fraud.scorers.encoding import Matrix
from apps.fraud.scorers.training.rows import Flags, Floats, Rows
from apps.fraud.scorers.training.split import Split, truth_of

# Of genuine payments; more move its two hundred numbers no further, and take minutes.
MOST_GENUINE: Final = 60_000
ROUNDS: Final = 300
STEP: Final = 50_000


def regression(rows: Rows, split: Split) -> Floats:
    """Its probabilities for the test period. Standardised; a column for each text; medians for what is missing."""
    from sklearn.linear_model import LogisticRegression

    truth = truth_of(rows, split.train)
    taken, weights = _sample(truth)
    design = _Design(rows.matrix[split.train.rows][taken], rows.columns)
    fitted = LogisticRegression(C=1.0, max_iter=ROUNDS, tol=1e-3).fit(
        design(rows.matrix[split.train.rows][taken]), truth[taken], sample_weight=weights
    )
    test = rows.matrix[split.test.rows]
    parts = [fitted.predict_proba(design(test[at : at + STEP]))[:, 1] for at in range(0, len(test), STEP)]
    return np.concatenate(parts).astype(np.float64)


class _Design:
    """Learned from the training rows, applied to any."""

    def __init__(self, matrix: Matrix, columns: tuple[Column, ...]) -> None:
        numeric = sum(column.kind != "text" for column in columns)
        self._numeric, self._sizes = numeric, [len(column.values) + 1 for column in columns[numeric:]]
        numbers = matrix[:, :numeric].astype(np.float64)
        self._middle = np.array([_median(numbers[:, n]) for n in range(numeric)])
        filled = np.where(np.isnan(numbers), self._middle, numbers)
        self._mean, self._spread = filled.mean(axis=0), filled.std(axis=0)
        self._spread[self._spread == 0] = 1.0

    def __call__(self, matrix: Matrix) -> NDArray[np.float64]:
        numbers = matrix[:, : self._numeric].astype(np.float64)
        filled = np.where(np.isnan(numbers), self._middle, numbers)
        parts = [(filled - self._mean) / self._spread]
        for place, size in enumerate(self._sizes, self._numeric):
            parts.append((matrix[:, place, None] == np.arange(size)).astype(np.float64))
        return np.hstack(parts)


def _median(values: NDArray[np.float64]) -> float:
    there = values[~np.isnan(values)]
    return float(np.median(there)) if len(there) else 0.0


def _sample(truth: Flags) -> tuple[NDArray[np.int64], Floats]:
    genuine = np.flatnonzero(~truth)
    step = max(len(genuine) // MOST_GENUINE, 1)
    taken = np.sort(np.append(np.flatnonzero(truth), genuine[::step]))
    return taken, np.where(truth[taken], 1.0, float(step))
