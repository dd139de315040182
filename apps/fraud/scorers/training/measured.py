"""What is measured of any score on any rows: the scorer's, the rules', a regression's."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.scorers.measures import CARDS_A_DAY, at_fpr, auc_roc, average_precision, brier, card_precision
from apps.fraud.scorers.training.calibrating import log_loss
from apps.fraud.scorers.training.rows import DAY, Flags, Rows

FPRS: Final = {"recall_at_1": 0.01, "recall_at_2": 0.02, "recall_at_5": 0.05}


def ranked(truth: Flags, scores: NDArray[Any]) -> dict[str, Any]:
    """Of anything that puts payments in an order."""
    found = {name: at_fpr(truth, scores, fpr) for name, fpr in FPRS.items()}
    return {
        "auc": auc_roc(truth, scores),
        "average_precision": average_precision(truth, scores),
        **{name: None if one is None else one.recall for name, one in found.items()},
    }


def measured(rows: Rows, which: slice, truth: Flags, scores: NDArray[Any]) -> dict[str, Any]:
    """Of scores that are meant as probabilities."""
    cards = card_precision(rows.at[which] // DAY, rows.customers[which], truth, scores)
    return {
        **ranked(truth, scores),
        f"card_precision_{CARDS_A_DAY}": None if cards is None else cards.mean,
        "brier": brier(truth, scores),
        "brier_of_the_mean": brier(truth, np.full(len(truth), truth.mean())) if len(truth) else None,
        "log_loss": log_loss(truth, scores) if len(truth) else None,
    }
