"""Figures along a scale: how well probabilities hold, precision by recall, euros saved by payments touched."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.scorers.measures import at_fpr, at_threshold, curve_of
from apps.fraud.scorers.training.rows import Flags, Floats

# Frauds are few, so most probabilities are small: narrow bins there, wide ones where few payments are.
EDGES: Final = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
POINTS: Final = 41
DIGITS: Final = 6
# Poisson weights: each draw is one pass over payments already in order, where a resample would sort them again.
DRAWS: Final = 200
MIDDLE: Final = (0.025, 0.975)
SHARES: Final = tuple(float(share) for share in np.round(np.logspace(-3, 0, 31), 5))
FPRS: Final = (0.01, 0.02, 0.05)


def reliability(truth: Flags, said: Floats) -> dict[str, Any]:
    """What was said, beside what came. `error` is the distance between both, weighted by payments."""
    place = np.clip(np.searchsorted(EDGES, said, side="right") - 1, 0, len(EDGES) - 2)
    bins = []
    for n in range(len(EDGES) - 1):
        here = place == n
        count = int(here.sum())
        if count:
            mean, came = float(said[here].mean()), float(truth[here].mean())
            bins.append(
                {"from": EDGES[n], "to": EDGES[n + 1], "payments": count, "frauds": int(truth[here].sum()),
                 "said": round(mean, DIGITS), "came": round(came, DIGITS)}
            )  # fmt: skip
    error = sum(one["payments"] * abs(one["said"] - one["came"]) for one in bins) / max(len(truth), 1)
    return {"bins": bins, "error": round(error, DIGITS)}


def precision_curve(truth: Flags, scores: Floats) -> list[dict[str, float]]:
    curve = curve_of(truth, scores)
    recall = curve.frauds / max(curve.frauds[-1], 1)
    found = []
    for wanted in np.linspace(0, 1, POINTS)[1:]:
        at = int(np.searchsorted(recall, wanted - 1e-12))
        touched = curve.frauds[at] + curve.genuine[at]
        found.append(
            {"recall": _r(recall[at]), "precision": _r(curve.frauds[at] / touched),
             "threshold": _r(curve.thresholds[at])}
        )  # fmt: skip
    return found


def roc_curve(truth: Flags, scores: Floats) -> list[dict[str, float]]:
    found = []
    for fpr in (0.0, *np.logspace(-3, 0, POINTS - 1)):
        at = at_fpr(truth, scores, float(fpr))
        if at is not None:
            found.append({"fpr": _r(fpr), "recall": _r(at.recall)})
    return found


def money_curve(truth: Flags, scores: Floats, amounts: Floats) -> list[dict[str, float]]:
    """Of the euros lost to fraud, how many are caught when so many payments are looked at, the highest score first."""
    order = np.argsort(-scores, kind="stable")
    caught = np.cumsum(np.where(truth, amounts, 0.0)[order])
    frauds = np.cumsum(truth[order])
    found = []
    for share in SHARES:
        count = max(round(share * len(order)), 1)
        found.append(
            {"touched": share, "euros": _r(caught[count - 1] / max(caught[-1], 0.01)),
             "frauds": _r(frauds[count - 1] / max(frauds[-1], 1))}
        )  # fmt: skip
    return found


def by_fpr(chosen_on: tuple[Flags, Floats], held_to: tuple[Flags, Floats]) -> list[dict[str, float | None]]:
    """Thresholds that touch so many good payments of validation, and what they do to the test period."""
    found: list[dict[str, float | None]] = []
    for fpr in FPRS:
        picked = at_fpr(*chosen_on, fpr)
        then = None if picked is None else at_threshold(*held_to, picked.threshold)
        if picked is not None and then is not None:
            found.append(
                {"asked": fpr, "threshold": _r(min(picked.threshold, 1.0)), "recall": _r(then.recall),
                 "fpr": _r(then.fpr), "precision": None if then.precision is None else _r(then.precision)}
            )  # fmt: skip
    return found


def intervals(truth: Flags, scores: Floats, seed: int) -> dict[str, list[float]]:
    """Within which the areas lie in 95 of 100 samples such as this one."""
    order = np.argsort(-scores, kind="stable")
    ranked, frauds = scores[order], truth[order]
    if not frauds.any() or frauds.all():
        return {}
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    draw = np.random.default_rng(seed)
    areas = np.array([_areas(draw.poisson(1.0, len(frauds)), frauds, last) for _draw in range(DRAWS)])
    low, high = np.nanquantile(areas, MIDDLE, axis=0)
    return {name: [_r(low[n]), _r(high[n])] for n, name in enumerate(("auc", "average_precision"))}


def _areas(weights: NDArray[np.int64], frauds: Flags, last: NDArray[np.int64]) -> tuple[float, float]:
    stopped = np.append(0, np.cumsum(weights * frauds)[last]).astype(float)
    genuine = np.append(0, np.cumsum(weights * ~frauds)[last]).astype(float)
    if not stopped[-1] or not genuine[-1]:
        return float("nan"), float("nan")
    auc = np.trapezoid(stopped, genuine) / stopped[-1] / genuine[-1]
    precision = stopped[1:] / np.maximum(stopped[1:] + genuine[1:], 1)
    return float(auc), float(np.sum(np.diff(stopped) * precision) / stopped[-1])


def _r(value: Any) -> float:
    return round(float(value), DIGITS)
