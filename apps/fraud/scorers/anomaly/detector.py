"""An isolation forest with what people need of it: a score, how unusual that is, and which fields made it so.

Each field's value becomes bits of surprise, the fields of a theme one number (the root of the sum of their squares, so
that ten fields that say the same count little more than one), and the forest cuts themes. Over the fields themselves it
does not do: among sixty of them, a row that is far off in three was found no odder than one of twenty.

Trained where it is used and thrown away: nothing of it is stored but a short digest that says whether two runs had the
same one. Only jobs and commands load this module; it needs scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import numpy as np
from sklearn.ensemble import IsolationForest

from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.anomaly.field import Columns, Field
from apps.fraud.scorers.anomaly.norm import Floats, norm_of
from apps.fraud.scorers.anomaly.paths import cuts_saved

TREES: Final = 200  # twice the paper's: ranks are alike with a hundred, the parts of fields steadier
ROWS_A_TREE: Final = 256  # as in the paper: more rows hide rare ones among their like
SEED: Final = 20_251_201
# Fields named of one row: what a person reads. Weaker ones add little, and chance has its part in them.
MOST_NAMED: Final = 6
LEAST_PART: Final = 0.15  # of the strongest field's


@dataclass(frozen=True, slots=True)
class Named:
    """A field that made a row odd, and its part of the oddness (all parts together are 1)."""

    field: Field
    value: Value
    part: float
    usual: dict[str, Any]
    share: float


class Detector:
    def __init__(self, fields: Sequence[Field], columns: Columns, *, seed: int = SEED) -> None:
        self.norms = [norm_of(field, columns[field.name]) for field in fields]
        self.themes = list(dict.fromkeys(field.theme for field in fields))
        encoded = self._encode(columns)
        self.rows = len(encoded)
        self._forest = IsolationForest(
            n_estimators=TREES, max_samples=min(ROWS_A_TREE, self.rows), random_state=seed, n_jobs=1
        )
        self._forest.fit(encoded)
        self._trees = [one.tree_ for one in self._forest.estimators_]
        self.sample_scores: Floats = np.sort(self._scores(encoded))
        self.digest = self._digest()

    def scores(self, columns: Columns) -> Floats:
        """From 0 to 1: an ordinary row has some 0.4, one that stands alone 0.7 and more."""
        return self._scores(self._encode(columns))

    def unusual(self, score: float) -> float:
        """The share of the sample that is less odd."""
        return float(np.searchsorted(self.sample_scores, score, side="left")) / self.rows

    def threshold(self, share: float) -> float:
        """The score that this share of the sample reaches, at most."""
        place = int(np.ceil((1.0 - min(share, 1.0)) * self.rows))
        return float(self.sample_scores[place]) if place < self.rows else float(np.nextafter(self.sample_scores[-1], 2))

    def why(self, columns: Columns, place: int) -> list[Named]:
        """The fields that made the row at this place odd, the strongest first."""
        row = {norm.field.name: [columns[norm.field.name][place]] for norm in self.norms}
        saved = dict(zip(self.themes, cuts_saved(self._trees, self._encode(row)[0]), strict=True))
        squares = {norm.field.name: float(norm.surprise(row[norm.field.name])[0]) ** 2 for norm in self.norms}
        whole = dict.fromkeys(self.themes, 0.0)
        for norm in self.norms:
            whole[norm.field.theme] += squares[norm.field.name]
        parts = {
            norm.field.name: max(float(saved[theme]), 0.0) * squares[norm.field.name] / whole[theme]
            for norm in self.norms
            if whole[theme := norm.field.theme]
        }
        return self._named(row, parts)

    def _named(self, row: Columns, parts: dict[str, float]) -> list[Named]:
        total, most = sum(parts.values()), max(parts.values(), default=0.0)
        found = []
        for norm in sorted(self.norms, key=lambda one: -parts.get(one.field.name, 0.0))[:MOST_NAMED]:
            part, value = parts.get(norm.field.name, 0.0), row[norm.field.name][0]
            if part and part >= LEAST_PART * most:
                found.append(Named(norm.field, value, part / total, norm.usual(), norm.share(value)))
        return found

    def _encode(self, columns: Columns) -> Floats:
        themes: dict[str, Any] = dict.fromkeys(self.themes, 0.0)
        for norm in self.norms:
            themes[norm.field.theme] = themes[norm.field.theme] + norm.surprise(columns[norm.field.name]) ** 2
        found: Floats = np.sqrt(np.column_stack(list(themes.values())))
        return found

    def _scores(self, encoded: Floats) -> Floats:
        found: Floats = -self._forest.score_samples(encoded)
        return found

    def _digest(self) -> str:
        told = sha256("\n".join(f"{norm.field.name} {norm.field.theme}" for norm in self.norms).encode())
        for norm in self.norms:
            told.update(repr((norm.count, norm.marks, sorted(norm.shares.items()))).encode())
        for tree in self._trees:
            told.update(tree.feature.tobytes() + tree.threshold.tobytes())
        return told.hexdigest()[:12]
