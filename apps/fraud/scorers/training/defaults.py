"""Where the search begins."""

from __future__ import annotations

from typing import Any, Final

from apps.fraud.scorers.defaults import FEW_FRAUDS

# Ordinary values for tables of some hundred thousand rows with few frauds. A leaf's weight is counted in p·(1 - p): a
# minimum of one would ask for a hundred payments where one in a hundred is a fraud.
STARTING: Final[dict[str, Any]] = {
    "max_depth": 6,
    "eta": 0.1,
    "min_child_weight": 0.5,
    "subsample": 0.8,
    "colsample_bytree": 0.6,
    "reg_lambda": 2.0,
    "gamma": 0.0,
}
# What a search begins with, before it draws by chance: it can only find something better. The last one stands where
# there are too few frauds to search.
FIRST: Final[tuple[dict[str, Any], ...]] = (STARTING, {**STARTING, **FEW_FRAUDS})
