"""The whole training, step by step: read, refuse, split, search, compare, calibrate, choose, measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from apps.fraud.engine.features.catalogue import CATALOGUE, VERSION
from apps.fraud.engine.features.feature import Feature
from apps.fraud.scorers.artefact import Artefact, Calibration, Header
from apps.fraud.scorers.drift import baseline_of
from apps.fraud.scorers.scorer import Scorer
from apps.fraud.scorers.trained import Operating, Trained
from apps.fraud.scorers.training import calibrating, operating
from apps.fraud.scorers.training.defaults import STARTING
from apps.fraud.scorers.training.fitting import trends_of
from apps.fraud.scorers.training.imbalance import Tried, best_of, compared
from apps.fraud.scorers.training.late import corrected, late_factor
from apps.fraud.scorers.training.leaks import require_no_leak
from apps.fraud.scorers.training.operating import RulesSaid
from apps.fraud.scorers.training.pictures import pictures
from apps.fraud.scorers.training.plan import Plan
from apps.fraud.scorers.training.reading import MatrixFile
from apps.fraud.scorers.training.report import report_of
from apps.fraud.scorers.training.rows import NEVER, Floats, Rows
from apps.fraud.scorers.training.search import Clock, Progress, searched
from apps.fraud.scorers.training.split import Part, Split, split_of, truth_of
from kivendtout.lib.clock import moment_of

Rules = Mapping[str, RulesSaid]
"""What each rule set says, in the order of the file."""


@dataclass
class Work:
    """All that training found on its way; the report is made of it."""

    plan: Plan
    rows: Rows
    split: Split
    tried: list[Tried]
    best: Tried
    parameters: dict[str, Any]
    trials: list[dict[str, Any]]
    trend_table: list[dict[str, Any]]
    constant: tuple[str, ...]
    """Features that never change in the training period."""
    with_trend: list[str]
    calibrations: list[dict[str, Any]]
    late: float
    """Frauds of validation there are for each that was known."""
    rules: dict[str, RulesSaid]
    """By name, in the order of time."""
    decides: bool
    """Whether the first of them decides beside the scorer."""
    operating: Operating
    weights: list[dict[str, Any]]
    scorer: Scorer
    probabilities: Floats
    """Of every row."""
    took: dict[str, float] = field(default_factory=dict)

    def part(self, part: Part) -> Floats:
        return self.probabilities[part.rows]

    @property
    def beside(self) -> RulesSaid | None:
        return next(iter(self.rules.values()), None) if self.decides else None


def train(
    path: Path,
    plan: Plan,
    *,
    known_on: int | None = None,
    rules: Callable[[], Rules] = dict,
    decides: bool = True,
    catalogue: Mapping[str, Feature] = CATALOGUE,
    clock: Clock = monotonic,
    progress: Progress = lambda _step: None,
) -> Trained:
    """`known_on`: labels that arrived later are not known; the latest label of the file otherwise.

    `decides`: whether the first rule set decides beside the scorer. The others are only compared.
    """
    began = clock()
    rows, split, constant = _read(path, plan, known_on, catalogue)
    progress(f"{len(rows):,} payments, {len(rows.columns)} features")
    require_no_leak(rows, split, plan.allow)
    fixed = trends_of(rows.columns, catalogue)
    parameters, trials = searched(rows, split, plan, STARTING, fixed, clock=clock, progress=progress)
    progress("comparing ways to learn from few frauds")
    tried, trend_table = compared(rows, split, parameters, fixed, seed=plan.seed, threads=plan.threads)
    best = best_of(tried)
    truth = truth_of(rows, split.validation)
    calibration, calibrations = calibrating.chosen(best.margins, truth)
    late = late_factor(rows, split.train, split.validation)
    calibration = corrected(calibration, late)
    encoded = _artefact(rows, split, best, calibration)
    scorer = Scorer(encoded, index={column.name: n for n, column in enumerate(rows.columns)})
    progress("choosing thresholds")
    said = {name: one.part(rows.order) for name, one in rules().items()}
    probabilities = scorer.matrix_probabilities(rows.matrix)
    which = split.validation.rows
    beside = next(iter(said.values()), None) if decides else None
    point, weights = operating.chosen(
        probabilities[which],
        beside.part(which) if beside else None,
        truth,
        rows.amounts[which],
        costs=plan.costs,
        most_touched=plan.most_touched,
        late=late,
    )
    with_trend = [one.name for one in rows.columns if one.kind != "text" and catalogue[one.name].trend]
    work = Work(
        plan=plan, rows=rows, split=split, tried=tried, best=best, parameters=parameters, trials=trials,
        trend_table=trend_table, late=late, calibrations=calibrations, rules=said, decides=decides, operating=point,
        constant=constant, with_trend=with_trend, weights=weights, scorer=scorer, probabilities=probabilities,
    )  # fmt: skip
    progress("measuring")
    report = report_of(work)
    return _trained(work, encoded, {**report, "seconds": round(clock() - began, 1)})


def _read(
    path: Path, plan: Plan, known_on: int | None, catalogue: Mapping[str, Feature]
) -> tuple[Rows, Split, tuple[str, ...]]:
    """Twice over the times, once over the features: which rows teach must be known before texts are coded."""
    file = MatrixFile(path, catalogue)
    told = file.known_at[file.known_at < NEVER]
    latest = int(max(file.at[-1], told.max(initial=0))) if len(file.at) else 0
    split = split_of(file.times(), plan, latest if known_on is None else known_on)
    features = file.features(plan.features)
    rows = file.rows(features, split.train.rows)
    learned = {column.name for column in rows.columns}
    return rows, split, tuple(one.name for one in features if one.name not in learned)


def _artefact(rows: Rows, split: Split, best: Tried, calibration: Calibration) -> bytes:
    header = Header(
        catalogue_version=VERSION,
        columns=rows.columns,
        calibration=calibration,
        trees=best.rounds,
        trained_from=moment_of(split.train.begins).isoformat(),
        trained_until=moment_of(split.train.ends).isoformat(),
    )
    return Artefact(header, bytes(best.booster.save_raw("ubj"))).encoded()


def _trained(work: Work, encoded: bytes, report: dict[str, Any]) -> Trained:
    split, rows, plan = work.split, work.rows, work.plan
    return Trained(
        artefact=encoded,
        data_from=moment_of(split.train.begins),
        data_until=moment_of(split.train.ends),
        known_on=moment_of(split.known_on),
        label_delay_days=split.delay / 86_400_000_000,
        seed=plan.seed,
        parameters={
            **work.parameters, "trees": work.best.rounds, "imbalance": work.best.name,
            "trials": len(work.trials), "budget_minutes": plan.budget_minutes,
        },
        report=report,
        operating=work.operating,
        baseline=baseline_of(rows.matrix[split.train.rows], rows.columns, np.asarray(work.part(split.train))),
        pictures=pictures(report),
    )  # fmt: skip
