"""How far live payments are from those that a scorer learned from. Pure numpy.

PSI, the population stability index: both periods are counted into the same bins, and the difference of the shares times
the logarithm of their ratio is summed. Under 0.1 is ordinary, above 0.2 is another population. A missing value is a bin
of its own: a feature that stops arriving has changed as much as one that doubles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from apps.fraud.scorers.artefact import Column
from apps.fraud.scorers.encoding import Matrix

Numbers = NDArray[np.float64]
# As most tables of PSI have: more bins see less of each, and make chance look like change.
BINS: Final = 10
# Chance alone gives about (bins - 1) / rows: with 500 rows and 11 bins 0.02, a tenth of what is called a shift.
FEWEST_ROWS: Final = 500
# A bin that was empty would make one payment in it weigh without limit; it counts as one in a thousand.
FLOOR: Final = 0.001
# Of a share. Four digits are a hundredth of a percent; more would make the stored baseline long for nothing.
DIGITS: Final = 6


class Drifted(Struct, frozen=True, kw_only=True):
    """One feature, or the score, then and now."""

    psi: float | None
    """None: too few payments to tell."""
    missing: float = 0.0
    missing_before: float = 0.0
    shares: tuple[float, ...] = ()
    shares_before: tuple[float, ...] = ()


class Findings(Struct, frozen=True, kw_only=True):
    rows: int
    enough: bool
    """Whether there were rows enough for the figures to mean something."""
    score: Drifted
    features: dict[str, Drifted]


def baseline_of(matrix: Matrix, columns: Sequence[Column], probabilities: NDArray[Any]) -> dict[str, Any]:
    """What a scorer keeps of its training period, as JSON takes it. Features are in the columns' order."""
    features = {
        column.name: _text(matrix[:, at], column) if column.kind == "text" else _number(matrix[:, at])
        for at, column in enumerate(columns)
    }
    score = _number(np.asarray(probabilities))
    return {
        "rows": len(matrix),
        "features": features,
        "score": {"edges": score["edges"], "shares": score["shares"]},
    }


def compare(
    baseline: Mapping[str, Any], matrix: Matrix, columns: Sequence[Column], probabilities: NDArray[Any]
) -> Findings:
    """Each feature that both know; what the baseline does not have is left out."""
    known = baseline["features"]
    enough = len(matrix) >= FEWEST_ROWS and baseline["rows"] >= FEWEST_ROWS
    features = {
        column.name: _drifted(known[column.name], matrix[:, at], column, enough=enough)
        for at, column in enumerate(columns)
        if column.name in known
    }
    score = _drifted(baseline["score"], np.asarray(probabilities), None, enough=enough)
    return Findings(rows=len(matrix), enough=enough, score=score, features=features)


def psi(before: Sequence[float] | Numbers, after: Sequence[float] | Numbers) -> float:
    """Of two lists of shares over the same bins."""
    then, now = np.maximum(before, FLOOR), np.maximum(after, FLOOR)
    return float(np.sum((now - then) * np.log(now / then)))


def edges_of(values: NDArray[Any]) -> Numbers:
    """At most ten bins, the upper edge part of its bin: deciles, or one bin a value where there are few values.

    Around few values there are two empty bins, so that a constant or a flag cannot become something else unseen.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if not len(ordered):
        return np.array([])
    distinct = ordered[np.append(True, np.diff(ordered) > 0)]
    if len(distinct) <= BINS - 2:
        return np.append(np.nextafter(distinct[0], -np.inf), distinct)
    deciles, times = np.unique(ordered[(np.arange(1, BINS) * len(ordered)) // BINS], return_counts=True)
    # A value that fills a bin by itself has one: what leaves it upwards is seen, and what leaves it downwards.
    return np.sort(np.append(deciles, np.nextafter(deciles[times > 1], -np.inf)))


def bin_names(kept: Mapping[str, Any], *, whole: bool = False) -> list[str]:
    """What each share of a feature, or of the score, is of. `whole`: its values are whole numbers."""
    if "values" in kept:
        return [*kept["values"], "…"]
    edges = kept["edges"]
    if not edges:
        return ["–"]
    return [
        f"≤ {edges[0]:.4g}" if len(edges) == 1 or not _next(edges[0], edges[1]) else f"< {edges[1]:.4g}",
        *(_between(low, high, whole) for low, high in pairwise(edges)),
        f"> {edges[-1]:.4g}",
    ]


def _between(low: float, high: float, whole: bool) -> str:
    if _next(low, high):
        return f"{high:.4g}"
    least = np.floor(low) + 1 if whole else low
    return f"{least:.4g}" if whole and least == high else f"{least:.4g} – {high:.4g}"


def _next(low: float, high: float) -> bool:
    """Nothing lies between them: the edge was set to give a value a bin of its own."""
    return bool(np.nextafter(high, -np.inf) == low)


def _number(values: NDArray[Any]) -> dict[str, Any]:
    edges = edges_of(values[~np.isnan(values)])
    shares, missing = _number_shares(values, edges)
    return {"edges": edges.tolist(), "shares": _rounded(shares), "missing": round(missing, DIGITS)}


def _text(codes: NDArray[Any], column: Column) -> dict[str, Any]:
    shares, missing = _text_shares(codes, len(column.values))
    return {
        "values": list(column.values),
        "shares": _rounded(shares[:-1]),
        "other": round(float(shares[-1]), DIGITS),
        "missing": round(missing, DIGITS),
    }


def _number_shares(values: NDArray[Any], edges: Numbers) -> tuple[Numbers, float]:
    """Of all rows, missing ones included: the shares and `missing` add up to one."""
    there = values[~np.isnan(values)].astype(np.float64)
    counts = np.bincount(np.searchsorted(edges, there, side="left"), minlength=len(edges) + 1)
    return _parts(counts, len(values))


def _text_shares(codes: NDArray[Any], known: int) -> tuple[Numbers, float]:
    there = codes[~np.isnan(codes)].astype(np.int64)
    return _parts(np.bincount(np.minimum(there, known), minlength=known + 1), len(codes))


def _parts(counts: NDArray[np.int64], rows: int) -> tuple[Numbers, float]:
    whole = max(rows, 1)
    return counts / whole, (rows - int(counts.sum())) / whole


def _drifted(kept: Mapping[str, Any], values: NDArray[Any], column: Column | None, *, enough: bool) -> Drifted:
    if column is not None and column.kind == "text":
        before = [*kept["shares"], kept["other"]]
        shares, missing = _text_shares(values, len(column.values))
    else:
        before = list(kept["shares"])
        shares, missing = _number_shares(values, np.asarray(kept["edges"], dtype=np.float64))
    missed = float(kept.get("missing", 0.0))
    return Drifted(
        psi=round(psi([*before, missed], [*shares, missing]), DIGITS) if enough else None,
        missing=round(missing, DIGITS),
        missing_before=missed,
        shares=tuple(_rounded(shares)),
        shares_before=tuple(before),
    )


def _rounded(shares: Numbers) -> list[float]:
    found: list[float] = np.round(shares, DIGITS).tolist()
    return found
