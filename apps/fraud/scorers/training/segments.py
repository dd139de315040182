"""The same figures for parts of the payments: what is good on the whole may fail a country, or new customers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.scorers.measures import auc_roc, average_precision
from apps.fraud.scorers.training.deciding import share
from apps.fraud.scorers.training.operating import ALLOW, Outcomes
from apps.fraud.scorers.training.rows import Flags, Floats, Rows

# With fewer the figures are chance; such segments are measured together.
FEWEST: Final = (200, 5)
OTHER: Final = "*"
UNKNOWN: Final = "?"
# Payments before this one; after three a customer has habits to compare with.
NEW_BELOW: Final = 3


def segments(rows: Rows, which: slice, truth: Flags, said: Floats, result: Outcomes) -> dict[str, list[dict[str, Any]]]:
    """By payment country, kind of device, and newness of the customer. `*` is all that are too few by themselves."""
    return {
        name: [
            {
                "name": value,
                "payments": int(here.sum()),
                "frauds": int(truth[here].sum()),
                "auc": auc_roc(truth[here], said[here]),
                "average_precision": average_precision(truth[here], said[here]),
                "recall": share(here & truth & (result > ALLOW), here & truth),
                "fpr": share(here & ~truth & (result > ALLOW), here & ~truth),
            }
            for value, here in _groups(values, truth)
        ]
        for name, values in _named(rows, which)
    }


def _named(rows: Rows, which: slice) -> Iterator[tuple[str, NDArray[Any]]]:
    for name in ("payment_country", "device_kind"):
        if name in rows.facts:
            values = rows.facts[name][which]
            yield name, np.array([UNKNOWN if value is None else value for value in values], dtype=object)
    if "previous_payments" in rows.facts:
        before = rows.facts["previous_payments"][which].astype(np.float64)
        named = np.where(np.isnan(before), UNKNOWN, np.where(before < NEW_BELOW, "new", "known"))
        yield "customer", named.astype(object)


def _groups(values: NDArray[Any], truth: Flags) -> Iterator[tuple[str, Flags]]:
    """The largest first."""
    names, places, counts = np.unique(values.astype(str), return_inverse=True, return_counts=True)
    frauds = np.bincount(places, weights=truth, minlength=len(names))
    enough = (counts >= FEWEST[0]) & (frauds >= FEWEST[1])
    for n in sorted(np.flatnonzero(enough), key=lambda n: -counts[n]):
        yield str(names[n]), places == n
    rest = ~enough[places]
    if rest.any():
        yield OTHER, rest
