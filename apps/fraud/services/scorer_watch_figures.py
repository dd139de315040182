"""The figures of one scorer's day: distributions, what labels say by now, and how many alerts there were."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import xgboost
from numpy.typing import NDArray

from apps.fraud.models import Scorer, ScorerArtefact
from apps.fraud.scorers.artefact import Artefact, Column, artefact_read
from apps.fraud.scorers.drift import FEWEST_ROWS, Findings, compare
from apps.fraud.scorers.encoding import Encoder, Matrix
from apps.fraud.scorers.measures import auc_roc
from apps.fraud.selectors import watch
from apps.fraud.selectors.catalogues import catalogue_index
from apps.fraud.selectors.watch import Period, Watched
from apps.fraud.services import scorer_watch_bounds as bounds
from apps.fraud.services.scorer_watch_bounds import Out

# A day of a small shop has too few payments to compare; its last week has seven times as many.
DAYS_OF_FEW: Final = 7
# Frauds are rare: a month of them is looked at, once labels have had their time to arrive.
LABELLED_DAYS: Final = 28
WEEKS: Final = 4
DIGITS: Final = 6
# As many parts as every picture of reliability has.
CALIBRATION_BINS: Final = 10


@dataclass
class Day:
    """What is found of one scorer's day, on its way into a row."""

    payments: int = 0
    alerts: int = 0
    drift: Findings | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    out: list[Out] = field(default_factory=list)
    page: tuple[Any, ...] | None = None


def day_looked_at(one: Watched, day: date, zone: ZoneInfo, now: datetime) -> Day:
    scorer, found = one.scorer, Day()
    found.payments = watch.scored_count(scorer, watch.day_period(day, zone))
    _distributions(found, scorer, day, zone)
    _labels(found, one, day, zone, now)
    if one.decides:
        _volume(found, scorer, day, zone)
    return found


# --- distributions ----------------------------------------------------------------------------------------------------
def _distributions(found: Day, scorer: Scorer, day: date, zone: ZoneInfo) -> None:
    if not scorer.baseline:
        return  # nothing to compare with: its training did not keep any
    artefact = artefact_read(bytes(ScorerArtefact.objects.get(scorer=scorer).content), digest=scorer.digest)
    days = 1 if found.payments >= FEWEST_ROWS else DAYS_OF_FEW
    matrix, scores = _scored(scorer, artefact.header.columns, watch.day_period(day, zone, days=days))
    found.drift = compare(scorer.baseline, matrix, artefact.header.columns, scores)
    weights = feature_weights(artefact)
    found.figures |= {
        "days": days,
        "rows": len(matrix),
        "enough": found.drift.enough,
        "shifted": bounds.shifted_features(found.drift, weights),
        "score": msgspec.to_builtins(found.drift.score),
        "features": {
            name: {**msgspec.to_builtins(told), "weight": round(weights.get(name, 0.0), DIGITS)}
            for name, told in found.drift.features.items()
        },
    }
    found.out += bounds.drift_out(found.drift, weights, day.isoformat())
    if found.drift.enough:
        found.page = (scorer.baseline, matrix, artefact.header.columns, scores, weights)


def _scored(scorer: Scorer, columns: tuple[Column, ...], period: Period) -> tuple[Matrix, NDArray[np.float64]]:
    """Rows of another catalogue are read by it; where it lacks a column, the row says nothing and is left out."""
    one_in = watch.one_in_of(watch.scored_count(scorer, period), watch.MOST_ROWS)
    encoders: dict[str, Encoder | None] = {}
    parts: list[Matrix] = [np.empty((0, len(columns)), np.float32)]
    scores: list[float] = []
    for chunk in watch.scored_rows(scorer, period, one_in=one_in):
        for version in {row.catalogue for row in chunk}:
            if version not in encoders:
                index = catalogue_index(version)
                encoders[version] = Encoder(columns, index) if all(c.name in index for c in columns) else None
            encoder = encoders[version]
            if encoder is not None:
                rows = [row for row in chunk if row.catalogue == version]
                parts.append(encoder.matrix([row.row for row in rows]))
                scores += [row.score for row in rows]
    return np.concatenate(parts), np.array(scores)


def feature_weights(artefact: Artefact) -> dict[str, float]:
    """Shares of what the booster gained by asking each feature, from 0 to 1."""
    booster = xgboost.Booster(params={"nthread": 1})
    booster.load_model(bytearray(artefact.booster))
    gains = booster.get_score(importance_type="total_gain")
    names = booster.feature_names or [f"f{n}" for n in range(len(artefact.header.columns))]
    whole = sum(float(np.sum(gain)) for gain in gains.values()) or 1.0
    told = zip(artefact.header.columns, names, strict=True)
    return {column.name: float(np.sum(gains.get(name, 0.0))) / whole for column, name in told}


# --- labels -----------------------------------------------------------------------------------------------------------
def _labels(found: Day, one: Watched, day: date, zone: ZoneInfo, now: datetime) -> None:
    """Payments as old as labels need to arrive, a month of them; alerts are judged sooner, by analysts."""
    scorer = one.scorer
    known = day - timedelta(days=int(np.ceil(scorer.label_delay_days)))
    period = watch.day_period(known, zone, days=LABELLED_DAYS)
    labelled = watch.scored_labelled(scorer, period, now=now)
    payments, frauds = len(labelled.scores), int(labelled.fraud.sum())
    enough = min(frauds, payments - frauds) >= bounds.FEWEST_OF_EACH
    expected, seen = (float(labelled.scores.mean()), frauds / payments) if payments else (0.0, 0.0)
    told: dict[str, Any] = {
        "from": period.start.date().isoformat(), "until": known.isoformat(), "payments": payments, "frauds": frauds,
        "told": labelled.told, "expected": round(expected, DIGITS), "seen": round(seen, DIGITS),
        "auc": _rounded(auc_roc(labelled.fraud, labelled.scores)) if enough else None,
        "auc_training": trained_auc(scorer),
        "calibration_error": calibration_error(labelled.scores, labelled.fraud) if enough else None,
        "judged": 0, "precision": None,
    }  # fmt: skip
    if one.decides:
        judged, right = watch.alerts_judged(scorer, watch.day_period(day, zone, days=LABELLED_DAYS), now=now)
        told["judged"] = judged
        told["precision"] = _rounded(right / judged) if judged >= bounds.FEWEST_JUDGED else None
    found.figures["labels"] = told
    found.out += bounds.decay_out(told["auc"], told["auc_training"], payments, day.isoformat())
    found.out += bounds.calibration_out(told["expected"], told["seen"], payments, frauds, day.isoformat())


def trained_auc(scorer: Scorer) -> float | None:
    """On the held-out period of its own training."""
    measures = scorer.report.get("measures") if isinstance(scorer.report, dict) else None
    auc = measures.get("auc") if isinstance(measures, dict) else None
    return _rounded(float(auc)) if isinstance(auc, int | float) else None


def calibration_error(scores: NDArray[np.float64], fraud: NDArray[np.bool_]) -> float:
    """In ten bins of as many payments each: how far the mean probability is from what came, on average."""
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, CALIBRATION_BINS) if len(part)]
    gaps = sum(abs(float(scores[part].sum()) - float(fraud[part].sum())) for part in parts)
    return round(gaps / len(scores), DIGITS) if len(scores) else 0.0


# --- alert volume -----------------------------------------------------------------------------------------------------
def _volume(found: Day, scorer: Scorer, day: date, zone: ZoneInfo) -> None:
    today = watch.alert_volume(scorer, watch.day_period(day, zone))
    before = [watch.alert_volume(scorer, watch.day_period(day - timedelta(weeks=n), zone)) for n in range(1, WEEKS + 1)]
    # A day counts as this scorer's when it decided on most of it: promotion itself changes the volume.
    own = [one.alerts for one in before if one.by_scorer * 2 > one.decided]
    usual, basis = bounds.usual_of(own), "own_days"
    if usual is None:
        usual, basis = watch.alerts_promised(scorer), "statement"
    if usual is None:
        usual, basis = bounds.usual_of([one.alerts for one in before if one.decided]), "days_before"
    found.alerts = today.alerts
    found.figures["volume"] = {
        "alerts": today.alerts, "payments": today.decided, "usual": usual, "basis": basis,
        "weeks": [{"alerts": one.alerts, "payments": one.decided} for one in before],
    }  # fmt: skip
    found.out += bounds.volume_out(today.alerts, today.decided, usual, basis, day.isoformat())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
