"""A feature that knows the answer. One column that by itself tells nearly every fraud from the rest is no discovery."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.scorers.measures import auc_roc
from apps.fraud.scorers.training.refusals import Leaks
from apps.fraud.scorers.training.rows import Flags, Rows
from apps.fraud.scorers.training.split import Split, truth_of

# No honest feature of a payment comes near: frauds that looked so different would need no scorer.
PERFECT: Final = 0.995
# With fewer frauds, chance separates them by one column of two hundred.
FEWEST_FRAUDS: Final = 50
# Genuine payments looked at: the area is then known to a thousandth, at a tenth of the time.
MOST_GENUINE: Final = 50_000


def require_no_leak(rows: Rows, split: Split, allowed: Collection[str] = ()) -> None:
    if found := [one for one in separating(rows, split) if one[0] not in allowed]:
        raise Leaks(findings=", ".join(f"{name} (AUC {area:.4f})" for name, area in found))


def separating(rows: Rows, split: Split) -> list[tuple[str, float]]:
    truth = truth_of(rows, split.train)
    if int(truth.sum()) < FEWEST_FRAUDS:
        return []
    matrix, which = rows.matrix[split.train.rows], _sample(truth)
    found = []
    for place, column in enumerate(rows.columns):
        area = _area(truth[which], matrix[which, place], text=column.kind == "text")
        if area >= PERFECT:
            found.append((column.name, area))
    return found


def _area(truth: Flags, values: NDArray[np.float32], *, text: bool) -> float:
    """Either way round, and a missing value on either side: that a field is filled may be what tells."""
    if text:
        return _auc(truth, _share_of_frauds(truth, values))
    missing = np.isnan(values)
    areas = []
    for instead in (-np.inf, np.inf) if missing.any() else (0.0,):
        ranks = np.unique(np.where(missing, instead, values), return_inverse=True)[1]
        areas.append(_auc(truth, ranks))
    return max(max(area, 1 - area) for area in areas)


def _auc(truth: Flags, values: NDArray[Any]) -> float:
    found = auc_roc(truth, values)
    return 0.5 if found is None else found


def _share_of_frauds(truth: Flags, codes: NDArray[np.float32]) -> NDArray[np.float64]:
    places = np.where(np.isnan(codes), -1, codes).astype(np.int64) + 1
    counts = np.bincount(places)
    share: NDArray[np.float64] = (np.bincount(places, weights=truth) / np.maximum(counts, 1))[places]
    return share


def _sample(truth: Flags) -> NDArray[np.int64]:
    """Every fraud, and every so many-th of the rest."""
    genuine = np.flatnonzero(~truth)
    step = max(len(genuine) // MOST_GENUINE, 1)
    return np.sort(np.append(np.flatnonzero(truth), genuine[::step]))
