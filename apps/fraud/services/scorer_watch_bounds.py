"""What of a day's figures is out of bounds, and must be told. Pure: figures in, kinds and facts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import median
from typing import Any, Final

from msgspec import Struct

from apps.fraud.models import OperationalAlert
from apps.fraud.scorers.drift import Findings

Kind = OperationalAlert.Kind
# The issue's: above it, payments are of another kind than those of training.
PSI_LIMIT: Final = 0.2
# One exotic feature must not cry wolf: those that have shifted count when together they carry this much of the scorer.
WEIGHT_LIMIT: Final = 0.10
# A day has one weekday, training has all seven: these always differ, and say nothing.
CALENDAR: Final = frozenset({"weekday", "is_weekend"})
# The issue's: of what it reached in training.
AUC_SHARE: Final = 0.90
# With fewer frauds or genuine payments an AUC swings by some hundredths on its own.
FEWEST_OF_EACH: Final = 30
# With fewer judged alerts one verdict moves the precision by more than five points.
FEWEST_JUDGED: Final = 20
# Twice or half of what is usual, and so many alerts apart that chance does not do it in a small shop.
VOLUME_TIMES: Final = 2.0
VOLUME_APART: Final = 20
# Thresholds chosen by cost are wrong by as much as probabilities are: twice is worth a retraining.
CALIBRATION_TIMES: Final = 2.0
# Standard deviations of the number of frauds, so that a small period does not raise it by chance.
CALIBRATION_SIGMAS: Final = 3.0


class Out(Struct, frozen=True):
    kind: str
    facts: dict[str, Any]


def drift_out(found: Findings, weights: Mapping[str, float], day: str) -> list[Out]:
    """The score's own PSI, or shifted features that together weigh enough."""
    shifted = shifted_features(found, weights)
    weight = sum(one["weight"] for one in shifted if one["name"] not in CALENDAR)
    score = found.score.psi
    if (score is None or score <= PSI_LIMIT) and weight < WEIGHT_LIMIT:
        return []
    features = [one for one in shifted if one["name"] not in CALENDAR][:20]
    facts = {"day": day, "score_psi": score, "limit": PSI_LIMIT, "weight": round(weight, 4), "features": features}
    return [Out(Kind.DRIFT, facts)]


def shifted_features(found: Findings, weights: Mapping[str, float]) -> list[dict[str, Any]]:
    """Those above the limit, the weightiest first; ones that the scorer never asks weigh nothing."""
    shifted = [
        {"name": name, "psi": one.psi, "weight": round(weights.get(name, 0.0), 4)}
        for name, one in found.features.items()
        if one.psi is not None and one.psi > PSI_LIMIT
    ]
    return sorted(shifted, key=lambda one: (-one["weight"], -one["psi"]))


def decay_out(auc: float | None, trained: float | None, labelled: int, day: str) -> list[Out]:
    if auc is None or trained is None or auc >= AUC_SHARE * trained:
        return []
    facts = {
        "day": day, "auc": auc, "auc_training": trained, "limit": round(AUC_SHARE * trained, 6), "labelled": labelled
    }  # fmt: skip
    return [Out(Kind.DECAY, facts)]


def calibration_out(expected: float, seen: float, payments: int, frauds: int, day: str) -> list[Out]:
    """The fraud that the probabilities promised against the fraud that came."""
    if min(frauds, payments - frauds) < FEWEST_OF_EACH or not expected:
        return []
    sigma = sqrt(expected * (1 - expected) / payments)
    apart = seen / expected
    if abs(seen - expected) <= CALIBRATION_SIGMAS * sigma or 1 / CALIBRATION_TIMES <= apart <= CALIBRATION_TIMES:
        return []
    return [Out(Kind.CALIBRATION, {"day": day, "expected": expected, "seen": seen, "labelled": payments})]


def volume_out(alerts: int, payments: int, usual: float | None, basis: str, day: str) -> list[Out]:
    if usual is None or abs(alerts - usual) < VOLUME_APART:
        return []
    if usual / VOLUME_TIMES < alerts < usual * VOLUME_TIMES:
        return []
    return [Out(Kind.VOLUME, {"day": day, "alerts": alerts, "usual": usual, "basis": basis, "payments": payments})]


def usual_of(alerts: Sequence[int]) -> float | None:
    """One day is no habit."""
    return float(median(alerts)) if len(alerts) > 1 else None
