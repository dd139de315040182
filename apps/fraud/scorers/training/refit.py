"""What was chosen, learned once more from all that was known on the day: training, the gap after it, and validation.

Validation says when to stop, which way to go and how likely a margin is. Once that is chosen its frauds would be lost
to the scorer, the most recent ones among them; with few frauds that is half of all there is to learn.
"""

from __future__ import annotations

import numpy as np
import xgboost

from apps.fraud.scorers.training.fitting import Bench
from apps.fraud.scorers.training.imbalance import UNDERSAMPLING, Tried, undersampled
from apps.fraud.scorers.training.rows import Rows
from apps.fraud.scorers.training.split import Split, truth_of


def refitted(rows: Rows, split: Split, best: Tried, *, seed: int, threads: int) -> xgboost.Booster:
    """The same parameters and rounds. Nothing is left to stop by, and nothing else is chosen."""
    truth = truth_of(rows, split.learned)
    # As many genuine payments for a fraud as when it was chosen: the shift of its margins stays right.
    keep = undersampled(truth, float(np.exp(best.shift)), seed) if best.name == UNDERSAMPLING else None
    bench = Bench(rows, split.learned, split.validation, seed=seed, threads=threads, keep=keep)
    return bench.fit_in_full(best.parameters, rounds=best.rounds)
