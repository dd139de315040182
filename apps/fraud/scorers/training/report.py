"""All that was measured, as JSON takes it. Figures are of the test period unless a name says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from apps.fraud.scorers.training.measured import measured
from apps.fraud.scorers.training.split import truth_of

if TYPE_CHECKING:
    from apps.fraud.scorers.training.train import Work

FORMAT: Final = 1


def report_of(work: Work) -> dict[str, Any]:
    rows, split = work.rows, work.split
    truth = truth_of(rows, split.test)
    return {
        "format": FORMAT,
        "payments": len(truth),
        "frauds": int(truth.sum()),
        "measures": measured(rows, split.test.rows, truth, work.part(split.test)),
    }
