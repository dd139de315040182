"""Where the search begins."""

from __future__ import annotations

from typing import Any, Final

# Ordinary values for tables of some hundred thousand rows with few frauds: shallow enough not to learn single payments.
STARTING: Final[dict[str, Any]] = {
    "max_depth": 6,
    "eta": 0.1,
    "min_child_weight": 4.0,
    "subsample": 0.8,
    "colsample_bytree": 0.6,
    "reg_lambda": 2.0,
    "gamma": 0.0,
}
