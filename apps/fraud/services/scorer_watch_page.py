"""Evidently's page of a day: the score and the features that weigh most, against the training period.

Of training only bins are kept, no payment. The reference is drawn anew from those bins, evenly inside each: each
feature's distribution is as it was, what features have to do with each other is not, and Evidently's preset for drift
looks at one feature at a time. Imported by the jobs worker only: Evidently takes seconds to load, and brings pandas.
"""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import structlog
from numpy.typing import NDArray

from apps.fraud.scorers.artefact import Column
from apps.fraud.scorers.encoding import Matrix
from apps.fraud.services.scorer_watch_bounds import PSI_LIMIT

if TYPE_CHECKING:
    import pandas as pd

log = structlog.get_logger(__name__)
FEATURES: Final = 20
SCORE: Final = "SCORE"
# Its histograms have some tens of bars: more rows than this move none of them.
ROWS: Final = 10_000
OTHER, MISSING = "other", None


def page_made(
    baseline: Mapping[str, Any],
    matrix: Matrix,
    columns: Sequence[Column],
    scores: NDArray[Any],
    weights: Mapping[str, float],
) -> bytes | None:
    """Compressed with gzip, as a browser takes it. None: Evidently failed, and the watch goes on without its page."""
    names = sorted(baseline["features"], key=lambda name: -weights.get(name, 0.0))[:FEATURES]
    try:
        return gzip.compress(_html(baseline, matrix, columns, scores, names).encode(), 9, mtime=0)
    except Exception:
        log.error("evidently_failed", exc_info=True)
        return None


def _html(
    baseline: Mapping[str, Any], matrix: Matrix, columns: Sequence[Column], scores: NDArray[Any], names: list[str]
) -> str:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    kept = [(at, column) for at, column in enumerate(columns) if column.name in names]
    some = slice(None, None, -(-max(len(matrix), 1) // ROWS))
    now = _frame({SCORE: scores[some]} | {one.name: _told(matrix[some, at], one) for at, one in kept})
    then = _frame(_redrawn(baseline, [one for _at, one in kept]))
    definition = DataDefinition(
        numerical_columns=[SCORE, *(one.name for _at, one in kept if one.kind not in ("text", "boolean"))],
        categorical_columns=[one.name for _at, one in kept if one.kind in ("text", "boolean")],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of logarithms of empty bins, feature by feature
        found = Report([DataDriftPreset(method="psi", threshold=PSI_LIMIT)]).run(
            Dataset.from_pandas(now, data_definition=definition), Dataset.from_pandas(then, data_definition=definition)
        )
        html: str = found.get_html_str(as_iframe=False)
    return html


def _frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns)


def _told(values: NDArray[Any], column: Column) -> NDArray[Any]:
    if column.kind not in ("text", "boolean"):
        return values.astype(np.float64)
    texts = [*column.values, OTHER] if column.kind == "text" else ["no", "yes"]
    named = np.array([*texts, MISSING], dtype=object)
    found: NDArray[Any] = named[np.where(np.isnan(values), len(texts), np.nan_to_num(values)).astype(int)]
    return found


def _redrawn(baseline: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    draw = np.random.default_rng(0)  # the same page for the same day
    rows = int(min(max(baseline["rows"], 1), ROWS))
    made = {SCORE: _drawn_numbers(baseline["score"], rows, draw, whole=False)}
    for column in columns:
        kept = baseline["features"][column.name]
        if column.kind == "text":
            shares = [*kept["shares"], kept["other"], kept["missing"]]
            made[column.name] = _told(_codes(shares, rows, draw), column)
        else:
            drawn = _drawn_numbers(kept, rows, draw, whole=column.kind != "number")
            made[column.name] = _told(drawn, column)
    return made


def _codes(shares: Sequence[float], rows: int, draw: np.random.Generator) -> NDArray[np.float64]:
    whole = np.asarray(shares, dtype=np.float64)
    codes = draw.choice(len(whole), rows, p=whole / whole.sum()).astype(np.float64)
    codes[codes == len(whole) - 1] = np.nan
    return codes


def _drawn_numbers(
    kept: Mapping[str, Any], rows: int, draw: np.random.Generator, *, whole: bool
) -> NDArray[np.float64]:
    """Evenly inside each bin. The outer two have no end: they are taken as wide as their neighbours."""
    edges = np.asarray(kept["edges"], dtype=np.float64)
    shares = [*kept["shares"], kept.get("missing", 0.0)]
    if not len(edges) or not sum(shares[:-1]):
        return np.full(rows, np.nan)
    codes = _codes(shares, rows, draw)
    wide = np.diff(edges) if len(edges) > 1 else np.ones(1)
    bounds = np.concatenate([[edges[0] - wide[0]], edges, [edges[-1] + wide[-1]]])
    places = np.nan_to_num(codes).astype(int)
    values: NDArray[np.float64] = bounds[places] + (bounds[places + 1] - bounds[places]) * draw.random(rows)
    if whole:  # a bin holds its upper edge, and of whole numbers that is what it means
        values = np.ceil(np.minimum(values, bounds[places + 1]))
    values[np.isnan(codes)] = np.nan
    return values
