"""Evidently's page of a day: the score and the features that weigh most, against the training period.

Of training only bins are kept, no payment. So Evidently is given bins, of both periods the same: its figures agree with
ours unless a bin is empty, where it sees more, and a page holds nobody's amounts. Only the jobs worker loads Evidently:
that takes seconds, and brings pandas.
"""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import structlog
from numpy.typing import NDArray

from apps.fraud.scorers.artefact import Column
from apps.fraud.scorers.drift import bin_names
from apps.fraud.scorers.encoding import Matrix
from apps.fraud.services.scorer_watch_bounds import PSI_LIMIT

log = structlog.get_logger(__name__)
FEATURES: Final = 20
SCORE: Final = "SCORE"
# A bar of a thousandth is ten rows: more rows move nothing that can be seen.
ROWS: Final = 10_000
MISSING: Final = "missing"


def page_made(
    baseline: Mapping[str, Any],
    matrix: Matrix,
    columns: Sequence[Column],
    scores: NDArray[Any],
    weights: Mapping[str, float],
) -> bytes | None:
    """Compressed with gzip, as a browser takes it. None: Evidently failed, and the watch goes on without its page."""
    names = sorted(baseline["features"], key=lambda name: -weights.get(name, 0.0))[:FEATURES]
    shown = [(at, column) for at, column in enumerate(columns) if column.name in names]
    try:
        now, then = ({SCORE: one} for one in _pair(baseline["score"], scores, "number"))
        for at, column in shown:
            now[column.name], then[column.name] = _pair(baseline["features"][column.name], matrix[:, at], column.kind)
        return gzip.compress(_html(now, then).encode(), 9, mtime=0)
    except Exception:
        log.error("evidently_failed", exc_info=True)
        return None


def _html(now: Mapping[str, NDArray[Any]], then: Mapping[str, NDArray[Any]]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its libraries warn of each other, and of logarithms of empty bins
        import pandas as pd
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        definition = DataDefinition(categorical_columns=list(now))
        current, reference = (Dataset.from_pandas(pd.DataFrame(one), data_definition=definition) for one in (now, then))
        found = Report([DataDriftPreset(method="psi", threshold=PSI_LIMIT)]).run(current, reference)
        html: str = found.get_html_str(as_iframe=False)
    return html


def _pair(kept: Mapping[str, Any], values: NDArray[Any], kind: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Each payment's bin by name, now; and as many rows as a page needs, in the shares of then."""
    some = values[:: -(-max(len(values), 1) // ROWS)]
    names = [*bin_names(kept, whole=kind in ("integer", "boolean")), MISSING]
    if kind == "text":
        shares = [*kept["shares"], kept["other"], kept["missing"]]
        places = np.minimum(np.nan_to_num(some), len(names) - 2)
    else:
        shares = [*kept["shares"], kept.get("missing", 0.0)]
        places = np.searchsorted(np.asarray(kept["edges"]), some, side="left")
        # Bars are sorted by name.
        names = [f"{n:02}: {name}" for n, name in enumerate(names, 1)]
    places = np.where(np.isnan(some), len(names) - 1, places).astype(int)
    named = np.array(names, dtype=object)
    return named[places], np.repeat(named, _of_rows(shares).astype(int))


def _of_rows(shares: Sequence[float]) -> NDArray[np.float64]:
    """Whole numbers of rows that add up to ROWS, whatever the shares were rounded to."""
    upto = np.round(np.cumsum(shares) / max(sum(shares), 1e-9) * ROWS)
    return np.diff(upto, prepend=0.0)
