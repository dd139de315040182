"""Step by step: read, refuse, split, search, compare, calibrate, learn again, choose. Nothing of the test is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import xgboost

from apps.fraud.engine.features.catalogue import CATALOGUE, VERSION
from apps.fraud.engine.features.feature import Feature
from apps.fraud.scorers.artefact import Artefact, Calibration, Header
from apps.fraud.scorers.scorer import Scorer, calibrated
from apps.fraud.scorers.trained import Operating
from apps.fraud.scorers.training import calibrating, operating
from apps.fraud.scorers.training.defaults import FIRST
from apps.fraud.scorers.training.fitting import trends_of
from apps.fraud.scorers.training.imbalance import best_of, compared
from apps.fraud.scorers.training.late import corrected, late_factor
from apps.fraud.scorers.training.leaks import require_no_leak
from apps.fraud.scorers.training.operating import RulesSaid
from apps.fraud.scorers.training.plan import Plan
from apps.fraud.scorers.training.reading import MatrixFile
from apps.fraud.scorers.training.refit import refitted
from apps.fraud.scorers.training.rows import NEVER, Floats, Rows
from apps.fraud.scorers.training.search import Clock, Progress, searched
from apps.fraud.scorers.training.split import Split, split_of, truth_of
from apps.fraud.scorers.training.work import Work
from kivendtout.lib.clock import moment_of

Rules = Mapping[str, RulesSaid]
"""What each rule set says, in the order of the file."""


def learned(
    path: Path,
    plan: Plan,
    *,
    known_on: int | None = None,
    rules: Callable[[], Rules] = dict,
    decides: bool = True,
    catalogue: Mapping[str, Feature] = CATALOGUE,
    clock: Clock = monotonic,
    progress: Progress = lambda _step: None,
) -> Work:
    rows, split, constant = _read(path, plan, known_on, catalogue)
    progress(f"{len(rows):,} payments, {len(rows.columns)} features")
    require_no_leak(rows, split, plan.allow)
    trends = trends_of(rows.columns, catalogue)
    parameters, trials = searched(rows, split, plan, FIRST, trends, clock=clock, progress=progress)
    progress("comparing ways to learn from few frauds")
    tried, trend_table = compared(rows, split, parameters, trends, seed=plan.seed, threads=plan.threads)
    best = best_of(tried)
    calibration, calibrations = calibrating.chosen(best.margins, truth_of(rows, split.validation))
    late = late_factor(rows, split.train, split.validation)
    honest = corrected(calibration, late)
    progress("learning once more from all that is known")
    booster = refitted(rows, split, best, seed=plan.seed, threads=plan.threads)
    encoded = _artefact(rows, split, booster, honest)
    progress("choosing thresholds")
    said = {name: one.part(rows.order) for name, one in rules().items()}
    probabilities = _scores(encoded, rows)
    # Thresholds are chosen on what was said of payments that had not taught: of its own a booster is too sure.
    probabilities[split.validation.rows] = calibrated(honest, best.margins)
    beside = next(iter(said.values()), None) if decides else None
    point, weights = _operating(rows, split, plan, probabilities, beside, late)
    return Work(
        plan=plan, rows=rows, split=split, constant=constant, parameters=parameters, trials=trials, tried=tried,
        with_trend=tuple(one.name for one in rows.columns if one.kind != "text" and catalogue[one.name].trend),
        best=best, trend_table=trend_table, calibrations=calibrations, late=late, booster=booster, encoded=encoded,
        probabilities=probabilities, rules=said, decides=decides, operating=point, weights=weights,
    )  # fmt: skip


def _read(
    path: Path, plan: Plan, known_on: int | None, catalogue: Mapping[str, Feature]
) -> tuple[Rows, Split, tuple[str, ...]]:
    """Times first: which rows teach must be known before texts are coded."""
    file = MatrixFile(path, catalogue, most_rows=plan.most_rows)
    told = file.known_at[file.known_at < NEVER]
    latest = int(max(file.at[-1], told.max(initial=0))) if len(file.at) else 0
    split = split_of(file.times(), plan, latest if known_on is None else known_on)
    features = file.features(plan.features)
    rows = file.rows(features, split.train.rows)
    names = {column.name for column in rows.columns}
    return rows, split, tuple(one.name for one in features if one.name not in names)


def _artefact(rows: Rows, split: Split, booster: xgboost.Booster, calibration: Calibration) -> bytes:
    header = Header(
        catalogue_version=VERSION,
        columns=rows.columns,
        calibration=calibration,
        trees=booster.num_boosted_rounds(),
        trained_from=moment_of(split.train.begins).isoformat(),
        trained_until=moment_of(split.learned.ends).isoformat(),
    )
    return Artefact(header, bytes(booster.save_raw("ubj"))).encoded()


def _scores(encoded: bytes, rows: Rows) -> Floats:
    """By the artefact itself, as it will be loaded."""
    scorer = Scorer(encoded, index={column.name: place for place, column in enumerate(rows.columns)})
    return scorer.matrix_probabilities(rows.matrix)


def _operating(
    rows: Rows, split: Split, plan: Plan, probabilities: Floats, beside: RulesSaid | None, late: float
) -> tuple[Operating, list[dict[str, Any]]]:
    which = split.validation.rows
    return operating.chosen(
        probabilities[which],
        beside.part(which) if beside else None,
        truth_of(rows, split.validation),
        rows.amounts[which],
        costs=plan.costs,
        most_touched=plan.most_touched,
        late=late,
    )
