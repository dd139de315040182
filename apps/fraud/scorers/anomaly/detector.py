"""An isolation forest with what people need of it: a score, how unusual that is, and which fields made it so.

Each field's value becomes bits of surprise, the fields of a theme one number (the root of the sum of their squares, so
that ten fields that say the same count little more than one), and the forest cuts themes. Over the fields themselves it
does not do: among sixty of them, a row that is far off in three was found no odder than one of twenty.

The forest ranks. What made a row odd is told by the bits themselves: how much of its surprise each field brought. (To
credit the cuts on the row's way was tried. Where few rows differ that names by chance, since a tree can cut only what
differs among its own 256 rows.)

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

TREES: Final = 200  # twice the paper's: ranks are alike with a hundred, the parts of fields steadier
ROWS_A_TREE: Final = 256  # as in the paper: more rows hide rare ones among their like
SEED: Final = 20_251_201
# Fields named of one row: what a person reads. Weaker ones add little, and chance has its part in them.
MOST_NAMED: Final = 8
LEAST_PART: Final = 0.1  # of the strongest field's
# Rows below are told of to nobody, however many would be welcome, so that a quiet week raises nothing. The score: an
# ordinary row has some 0.4. The bits, of all themes together: a thousand times rarer than what one in twenty shares.
# Of a few hundred ordinary hours of work the oddest have seven.
LEAST_SCORE: Final = 0.55
LEAST_BITS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Named:
    """A field that made a row odd, and its part of the surprise (those of all fields together are 1)."""

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
        """The lowest score that no more than this share of the sample reaches. Equal rows go together."""
        scores = self.sample_scores
        place = int(np.ceil((1.0 - min(share, 1.0)) * self.rows))
        if place < self.rows and np.searchsorted(scores, scores[place], side="left") < place:
            place = int(np.searchsorted(scores, scores[place], side="right"))
        return float(scores[place]) if place < self.rows else float(np.nextafter(scores[-1], 2))

    def odd(self, columns: Columns, threshold: float) -> list[tuple[float, int]]:
        """Score and place of each row that has the threshold, and enough that is odd about it."""
        encoded = self._encode(columns)
        scores = self._scores(encoded)
        found = (scores >= max(threshold, LEAST_SCORE)) & (encoded.sum(axis=1) >= LEAST_BITS)
        return [(float(scores[place]), int(place)) for place in np.flatnonzero(found)]

    def why(self, columns: Columns, place: int) -> list[Named]:
        """The fields that made the row at this place odd, the strongest first. A theme's bits go by their squares."""
        row = {norm.field.name: [columns[norm.field.name][place]] for norm in self.norms}
        themes = dict(zip(self.themes, self._encode(row)[0], strict=True))
        total = sum(themes.values())
        named = []
        for norm in self.norms:
            value, theme = row[norm.field.name][0], themes[norm.field.theme]
            bits = float(norm.surprise([value])[0])
            if bits:
                part = float(bits**2 / theme / total)
                named.append(Named(norm.field, value, part, norm.usual(), norm.share(value)))
        named.sort(key=lambda one: -one.part)
        return [one for one in named[:MOST_NAMED] if one.part >= LEAST_PART * named[0].part]

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
