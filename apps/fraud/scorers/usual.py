"""What is usual of payments: a scorer's training period, as `drift.baseline_of` keeps it. Absent, nothing is told."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

# Said of a value from here on: below it, "more than most" says too little.
NOTABLE: Final = 0.8


class Bins(NamedTuple):
    """`below[i]` is the share of known values at or under `edges[i]`."""

    edges: Sequence[float]
    below: Sequence[float]


class Usual:
    """Tolerant: what cannot be read as quantile bins counts as not known."""

    def __init__(self, baseline: Mapping[str, Any] | None) -> None:
        features = baseline.get("features") if isinstance(baseline, Mapping) else None
        self._features: Mapping[str, Any] = features if isinstance(features, Mapping) else {}

    def middle(self, name: str) -> float | None:
        """Half of all payments had no more."""
        bins = self._bins(name)
        if bins is None:
            return None
        return next((float(f"{edge:.12g}") for edge, share in zip(*bins, strict=True) if share >= 0.5), None)

    def share_below(self, name: str, value: float) -> float | None:
        """At least this share of payments had less; None when that says little."""
        bins = self._bins(name)
        if bins is None or (place := bisect_left(bins.edges, value)) == 0:
            return None
        share = bins.below[place - 1]
        return share if share >= NOTABLE else None

    def _bins(self, name: str) -> Bins | None:
        found = self._features.get(name)
        if not isinstance(found, Mapping):
            return None
        edges, shares = found.get("edges"), found.get("shares")
        if not isinstance(edges, list) or not isinstance(shares, list) or len(shares) != len(edges) + 1 or not edges:
            return None
        if not all(isinstance(one, int | float) for one in [*edges, *shares]) or (there := sum(shares)) <= 0:
            return None
        return Bins(edges, [upto / there for upto in accumulate(shares[:-1])])
