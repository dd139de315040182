"""A plain logistic regression on the same payments: what a scorer has to beat to be worth its trees."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.scorers.artefact import Column
from apps.fraud.scorers.encoding import Matrix
from apps.fraud.scorers.measures import average_precision
from apps.fraud.scorers.training.rows import Flags, Floats, Rows
from apps.fraud.scorers.training.split import Part, Split, truth_of

# Of genuine payments; more move its two hundred numbers no further, and take minutes.
MOST_GENUINE: Final = 60_000
ROUNDS: Final = 300
STEP: Final = 50_000
# Standard deviations: a line drawn through ordinary payments says nothing about a value that none of them had.
FURTHEST: Final = 5.0
# How freely its numbers may grow, the best on validation kept: one that follows every payment is no fair opponent.
STRENGTHS: Final = (0.001, 0.01, 0.1, 1.0)


def regression(rows: Rows, split: Split) -> Floats:
    """Its probabilities for the test period. Standardised; a column for each text; medians for what is missing."""
    from sklearn.linear_model import LogisticRegression

    truth = truth_of(rows, split.train)
    taken, weights = _sample(truth)
    learned = rows.matrix[split.train.rows][taken]
    design = _Design(learned, rows.columns)
    made = design(learned)
    validation = truth_of(rows, split.validation)
    fits = [
        LogisticRegression(C=strength, max_iter=ROUNDS, tol=1e-3).fit(made, truth[taken], sample_weight=weights)
        for strength in STRENGTHS
    ]
    best = max(fits, key=lambda fit: average_precision(validation, _said(fit, design, rows, split.validation)) or 0.0)
    # As the scorer does: with what was chosen, once more on all that was known.
    truth = truth_of(rows, split.learned)
    taken, weights = _sample(truth)
    learned = rows.matrix[split.learned.rows][taken]
    design = _Design(learned, rows.columns)
    fitted = LogisticRegression(C=best.C, max_iter=ROUNDS, tol=1e-3)
    return _said(fitted.fit(design(learned), truth[taken], sample_weight=weights), design, rows, split.test)


def _said(fitted: Any, design: _Design, rows: Rows, part: Part) -> Floats:
    matrix = rows.matrix[part.rows]
    parts = [fitted.predict_proba(design(matrix[at : at + STEP]))[:, 1] for at in range(0, len(matrix), STEP)]
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
        parts = [np.clip((filled - self._mean) / self._spread, -FURTHEST, FURTHEST)]
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
