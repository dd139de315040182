"""From margin to probability: Platt's two numbers or an isotonic curve, whichever says better what comes.

Each is judged on payments it was not fitted on: validation is cut in five, and what four say of the fifth is compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.scorers.artefact import Calibration
from apps.fraud.scorers.measures import brier
from apps.fraud.scorers.scorer import calibrated
from apps.fraud.scorers.training.rows import Flags, Floats, Margins

PARTS: Final = 5
STEPS: Final = 50
# Keeps numbers finite that the payments say nothing about; too small to be seen in the others.
FIRM: Final = 1e-6
# Above and below what was seen, the curve goes on a little: a higher margin must never say the same.
BEYOND: Final = 2.0
FURTHER: Final = 0.1
# A probability of 0 would make one fraud an infinite surprise.
LEAST: Final = 1e-9


def chosen(margins: Margins, truth: Flags) -> tuple[Calibration, list[dict[str, Any]]]:
    """Isotonic is kept where it is better by both measures: it follows what it saw more closely, chance included."""
    table = [_judged("none", lambda _m, _t: Calibration("platt"), margins, truth)]
    table += [_judged(name, fit, margins, truth) for name, fit in (("platt", platt), ("isotonic", isotonic))]
    _none, first, second = table
    better = second["brier"] < first["brier"] and second["log_loss"] < first["log_loss"]
    for one in table:
        one["kept"] = one is (second if better else first)
    return (isotonic if better else platt)(margins, truth), table


def platt(margins: Margins, truth: Flags) -> Calibration:
    """Two numbers. Margins that rank no better than chance say the share of frauds, and nothing more."""
    wide = margins.astype(np.float64)
    slope, intercept = weights_of(np.stack([wide, np.ones_like(wide)]), truth)
    if slope <= 0:
        share = (truth.sum() + 1) / (len(truth) + 2)
        return Calibration("platt", slope=1e-3, intercept=float(np.log(share / (1 - share))))
    return Calibration("platt", slope=float(slope), intercept=float(intercept))


def weights_of(design: Floats, truth: Flags) -> Floats:
    """Newton's method for a row of numbers each, with Platt's targets: no group is ever said to be certain."""
    frauds, genuine = int(truth.sum()), int((~truth).sum())
    targets = np.where(truth, (frauds + 1) / (frauds + 2), 1 / (genuine + 2))
    found = np.append(1.0, np.zeros(len(design) - 1))
    for _step in range(STEPS):
        said = sigmoid(found @ design)
        slope = design @ (said - targets)
        curve = (design * (said * (1 - said))) @ design.T + FIRM * np.eye(len(design))
        step = np.linalg.solve(curve, slope)
        found = found - np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    return found


def isotonic(margins: Margins, truth: Flags) -> Calibration:
    """Blocks of equal probability, joined from middle to middle: who ranks higher is told a higher probability."""
    order = np.argsort(margins, kind="stable")
    sizes, frauds, middles = _blocks(margins[order].astype(np.float64), truth[order])
    share = (truth.sum() + 1) / (len(truth) + 2)
    said = np.maximum.accumulate((frauds + share) / (sizes + 1))  # no block is ever certain
    said = said * (1 + 1e-9 * np.arange(len(said)))
    ends = (float(margins.min()) - BEYOND, float(margins.max()) + BEYOND)
    return Calibration(
        "isotonic",
        margins=(float(ends[0]), *middles.tolist(), float(ends[1])),
        probabilities=(
            float(said[0] * (1 - FURTHER)),
            *said.tolist(),
            float(said[-1] + FURTHER * (1 - said[-1])),
        ),
    )


def sigmoid(margins: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(margins, -60.0, 60.0)))


def log_loss(truth: Flags, said: NDArray[Any]) -> float:
    clipped = np.clip(said, LEAST, 1 - LEAST)
    return float(-np.mean(np.where(truth, np.log(clipped), np.log1p(-clipped))))


def _judged(name: str, fit: Callable[[Margins, Flags], Calibration], margins: Margins, truth: Flags) -> dict[str, Any]:
    part = _parts(truth)
    said = np.empty(len(truth))
    for n in range(PARTS):
        held = part == n
        said[held] = calibrated(fit(margins[~held], truth[~held]), margins[held])
    return {"method": name, "brier": brier(truth, said), "log_loss": log_loss(truth, said)}


def _parts(truth: Flags) -> NDArray[np.int64]:
    """In turn, frauds and the rest each by themselves: every part has its share of both."""
    part = np.empty(len(truth), dtype=np.int64)
    for group in (truth, ~truth):
        part[group] = np.arange(int(group.sum())) % PARTS
    return part


def _blocks(margins: Floats, truth: Flags) -> tuple[Floats, Floats, Floats]:
    """Pool adjacent violators: sizes, frauds and mean margin of each block. Equal margins are one to begin with."""
    values, first = np.unique(margins, return_index=True)
    sizes = np.diff(np.append(first, len(margins)))
    frauds = np.add.reduceat(truth.astype(np.int64), first)
    stack: list[list[float]] = []
    for size, bad, value in zip(sizes.tolist(), frauds.tolist(), values.tolist(), strict=True):
        block = [size, bad, value * size]
        while stack and stack[-1][1] * block[0] >= block[1] * stack[-1][0]:
            block = [mine + theirs for mine, theirs in zip(block, stack.pop(), strict=True)]
        stack.append(block)
    made = np.array(stack)
    return made[:, 0], made[:, 1], made[:, 2] / made[:, 0]
