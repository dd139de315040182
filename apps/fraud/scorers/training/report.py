"""All that was measured, as JSON takes it. Figures are of the test period unless a name says otherwise."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np

from apps.fraud.scorers.training import curves
from apps.fraud.scorers.training.deciding import decided, rules_alone
from apps.fraud.scorers.training.importances import importances
from apps.fraud.scorers.training.logistic import regression
from apps.fraud.scorers.training.measured import measured, ranked
from apps.fraud.scorers.training.operating import combined, silent
from apps.fraud.scorers.training.rows import DAY, Floats
from apps.fraud.scorers.training.segments import segments
from apps.fraud.scorers.training.split import Part, truth_of
from apps.fraud.scorers.training.work import Work
from kivendtout.lib.clock import moment_of

FORMAT: Final = 1


def report_of(work: Work) -> dict[str, Any]:
    rows, test = work.rows, work.split.test
    truth, said = truth_of(rows, test), work.part(test)
    score = _decides(work, test)
    result, figures = decided(rows, test.rows, truth, said, _beside(work, test), work.operating, work.plan.costs)
    return {
        "format": FORMAT,
        "payments": len(truth),
        "frauds": int(truth.sum()),
        "measures": measured(rows, test.rows, truth, said),
        "intervals": curves.intervals(truth, said, work.plan.seed),
        "periods": periods(work),
        "features": features(work),
        "decided": {**ranked(truth, score), **figures},
        "by_fpr": curves.by_fpr(
            (truth_of(rows, work.split.validation), _decides(work, work.split.validation)), (truth, score)
        ),
        "segments": segments(rows, test.rows, truth, said, result),
        "reliability": curves.reliability(truth, said),
        "precision_curve": curves.precision_curve(truth, said),
        "roc_curve": curves.roc_curve(truth, said),
        "money": curves.money_curve(truth, score, rows.amounts[test.rows]),
        "importances": importances(work.booster, rows, test.rows, threads=work.plan.threads),
        "against": against(work, score),
        "chosen": chosen(work),
    }


def periods(work: Work) -> dict[str, Any]:
    """Of each part: its days, payments and frauds, and when its labels were read."""
    split = work.split
    parts = (("train", split.train), ("validation", split.validation), ("test", split.test))
    told: dict[str, Any] = {
        name: {
            "from": moment_of(part.begins).isoformat(),
            "until": moment_of(part.ends).isoformat(),
            "labels_known_on": moment_of(part.on).isoformat(),
            "payments": part.stop - part.start,
            "frauds": int(truth_of(work.rows, part).sum()),
            "frauds_not_yet_known": int((work.rows.fraud[part.rows] & ~truth_of(work.rows, part)).sum()),
        }
        for name, part in parts
    }
    told["learned_until"] = moment_of(split.learned.ends).isoformat()
    told["older_payments_left_out"] = work.rows.older
    left = len(work.rows) - sum(part.stop - part.start for _name, part in parts)
    return {**told, "label_delay_days": split.delay / DAY, "payments_left_out": left, "folds": len(split.folds)}


def features(work: Work) -> dict[str, Any]:
    return {
        "learned": [column.name for column in work.rows.columns],
        "constant": list(work.constant),
        "not_features": list(work.rows.ignored),
        "with_trend": list(work.with_trend),
        "allowed": list(work.plan.allow),
    }


def against(work: Work, score: Floats) -> dict[str, Any]:
    """On the same payments: each rule set by itself, and a plain regression."""
    rows, test = work.rows, work.split.test
    truth = truth_of(rows, test)
    return {
        "rules": {
            name: rules_alone(rows, test.rows, truth, said.part(test.rows), score, work.plan.costs)
            for name, said in work.rules.items()
        },
        "logistic_regression": measured(rows, test.rows, truth, regression(rows, work.split)),
    }


def chosen(work: Work) -> dict[str, Any]:
    """What was tried on the way, on validation or before it, and what was kept."""
    return {
        "trials": work.trials,
        "imbalance": [{**one.told(), "kept": one is work.best} for one in work.tried],
        "trends": work.trend_table,
        "calibration": work.calibrations,
        "late_factor": round(work.late, 4),
        "weights": work.weights,
        "beside": next(iter(work.rules), None) if work.decides else None,
        "costs": msgspec.to_builtins(work.plan.costs),
        "most_touched": work.plan.most_touched,
    }


def _beside(work: Work, part: Part) -> Any:
    return work.beside.part(part.rows) if work.beside else None


def _decides(work: Work, part: Part) -> Floats:
    """The combined score, as it will decide."""
    said = work.part(part)
    return np.asarray(combined(said, _beside(work, part) or silent(len(said)), work.operating.weight))
