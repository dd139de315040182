"""Frauds that nobody had reported yet. Payments near the end of what is known look more honest than they are."""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec.structs import replace

from apps.fraud.scorers.artefact import Calibration
from apps.fraud.scorers.training.rows import Rows
from apps.fraud.scorers.training.split import Part

# With fewer delays seen, their distribution is not known, and nothing is corrected.
FEWEST: Final = 30
# Nobody's delays are known so well that one fraud should stand for more than two.
LEAST_ARRIVED: Final = 0.5


def late_factor(rows: Rows, seen: Part, part: Part) -> float:
    """How many frauds of `part` there are for each that is known, by how long labels of `seen` took.

    Every number in it was known when the labels were read.
    """
    old, young = (rows.known(part.on) & _within(rows, one) for one in (seen, part))
    delays = np.sort((rows.known_at - rows.at)[old])
    if len(delays) < FEWEST or not young.any():
        return 1.0
    arrived = np.searchsorted(delays, part.on - rows.at[young], side="right") / len(delays)
    return float(np.mean(1 / np.maximum(arrived, LEAST_ARRIVED)))


def corrected(calibration: Calibration, factor: float) -> Calibration:
    """The same curve, its odds so much higher. Who ranks above whom does not change."""
    shift = float(np.log(factor))
    if not shift:
        return calibration
    if calibration.method == "platt":
        return replace(calibration, intercept=calibration.intercept + shift)
    said = np.array(calibration.probabilities)
    odds = said / (1 - said) * factor
    return replace(calibration, probabilities=tuple((odds / (1 + odds)).tolist()))


def _within(rows: Rows, part: Part) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    inside = np.zeros(len(rows), dtype=bool)
    inside[part.rows] = True
    return inside
