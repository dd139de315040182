"""The whole training: learn, then measure what was learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.engine.features.feature import Feature
from apps.fraud.scorers.drift import baseline_of
from apps.fraud.scorers.trained import Trained
from apps.fraud.scorers.training.learn import Rules, learned
from apps.fraud.scorers.training.pictures import pictures
from apps.fraud.scorers.training.plan import Plan
from apps.fraud.scorers.training.report import report_of
from apps.fraud.scorers.training.rows import DAY
from apps.fraud.scorers.training.search import Clock, Progress
from apps.fraud.scorers.training.work import Work
from kivendtout.lib.clock import moment_of


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
    work = learned(
        path,
        plan,
        known_on=known_on,
        rules=rules,
        decides=decides,
        catalogue=catalogue,
        clock=clock,
        progress=progress,
    )
    progress("measuring")
    report = report_of(work)
    return _trained(work, {**report, "seconds": round(clock() - began, 1)})


def _trained(work: Work, report: dict[str, Any]) -> Trained:
    split, rows, plan = work.split, work.rows, work.plan
    return Trained(
        artefact=work.encoded,
        data_from=moment_of(split.train.begins),
        data_until=moment_of(split.learned.ends),
        known_on=moment_of(split.known_on),
        label_delay_days=split.delay / DAY,
        seed=plan.seed,
        parameters={
            **work.parameters, "trees": work.best.rounds, "imbalance": work.best.name,
            "trials": len(work.trials), "budget_minutes": plan.budget_minutes,
        },
        report=report,
        operating=work.operating,
        baseline=baseline_of(
            # Scores of rows that the booster learned from are too sure of themselves: a quiet day would look shifted.
            rows.matrix[split.learned.rows],
            rows.columns,
            work.part(split.test),
        ),
        pictures=pictures(report),
    )  # fmt: skip
