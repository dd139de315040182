"""A scorer that exists already, on a matrix: what it would have said, measured as training measures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.engine.features.feature import Feature
from apps.fraud.scorers.artefact import artefact_read, require_match
from apps.fraud.scorers.scorer import Scorer
from apps.fraud.scorers.training.measured import measured
from apps.fraud.scorers.training.reading import MatrixFile
from apps.fraud.scorers.training.rows import NEVER


def evaluate(
    encoded: bytes,
    path: Path,
    *,
    begins: int | None = None,
    ends: int | None = None,
    known_on: int | None = None,
    catalogue: Mapping[str, Feature] = CATALOGUE,
) -> dict[str, Any]:
    """Of the payments from `begins` and before `ends`; labels as known on a date, all of them otherwise."""
    header = artefact_read(encoded).header
    require_match(header, catalogue)
    scorer = Scorer(encoded, index={column.name: place for place, column in enumerate(header.columns)})
    file = MatrixFile(path, catalogue)
    rows = file.rows_for(header.columns)
    start, stop = np.searchsorted(rows.at, [begins or 0, NEVER if ends is None else ends])
    which = slice(int(start), int(stop))
    if not stop > start:
        raise file.refused("it has no payment in this period")
    truth = rows.known(NEVER - 1 if known_on is None else known_on)[which]
    found = measured(rows, which, truth, scorer.matrix_probabilities(rows.matrix[which]))
    return {
        "rows": len(truth),
        "frauds": int(truth.sum()),
        "auc_roc": found.pop("auc"),
        **{f"{name.replace('_at_', '_at_fpr_')}pct" if "_at_" in name else name: it for name, it in found.items()},
    }
