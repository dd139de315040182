"""How a scorer, a regression and rule sets do on the same held-out payments, as rows of one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

# What the scorer must catch, while it touches fewer good payments than this.
RECALL: Final = 0.90
FPR: Final = 0.05


class Line(Struct, frozen=True, kw_only=True):
    name: str
    auc: float | None
    average_precision: float | None
    recall: float | None
    """Of the frauds, touching at most `FPR` of good payments; of a rule set, as it decides at `points`."""
    fpr: float | None
    """None: `FPR` at most."""
    points: int | None = None
    beaten_by: float | None = None
    """What share of frauds the scorer catches, touching no more good payments than this rule set does."""


def lines_of(report: Mapping[str, Any]) -> list[Line]:
    """From a training's report."""
    found = [
        _learned("scorer", report["measures"]),
        _learned("logistic regression", report["against"]["logistic_regression"]),
    ]
    for name, said in report["against"]["rules"].items():
        found += [
            Line(
                name=name,
                auc=said["auc"],
                average_precision=said["average_precision"],
                recall=at["recall"],
                fpr=at["fpr"],
                points=at["points"],
                beaten_by=at["scorer_recall"],
            )
            for at in said["at"]
        ]
    return found


def reached(report: Mapping[str, Any]) -> bool:
    recall = report["measures"]["recall_at_5"]
    return recall is not None and recall >= RECALL


def _learned(name: str, measures: Mapping[str, Any]) -> Line:
    return Line(
        name=name,
        auc=measures["auc"],
        average_precision=measures["average_precision"],
        recall=measures["recall_at_5"],
        fpr=None,
    )
