"""A loaded scorer: rows in, probabilities or contributions out. Safe to ask from several threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import xgboost
from msgspec import Struct
from numpy.typing import NDArray

from apps.fraud.engine.features.catalogue import CATALOGUE, INDEX
from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.artefact import ArtefactRefused, Calibration, Header, artefact_read, require_match
from apps.fraud.scorers.encoding import Encoder, Matrix, feature_types

# As many as a decision's score has: what is stored is what was compared.
DIGITS: Final = 6


class Contributions(Struct, frozen=True):
    """In log-odds: `base` and the values add up to the margin, of which the probability is made."""

    base: float
    values: tuple[float, ...]
    """One a column, in the columns' order."""
    margin: float
    probability: float


class Scorer:
    """Raises what `artefact_read` and `require_match` raise. `index` is for rows stored under another catalogue."""

    def __init__(self, encoded: bytes, *, digest: str | None = None, index: Mapping[str, int] | None = None) -> None:
        artefact = artefact_read(encoded, digest=digest)
        self.header: Header = artefact.header
        if index is None:
            require_match(self.header, CATALOGUE)
        self.names = [column.name for column in self.header.columns]
        self._types = feature_types(self.header.columns)
        self._encoder = Encoder(self.header.columns, INDEX if index is None else index)
        self._trees = (0, self.header.trees)
        self._booster = _booster(artefact.booster, len(self.names))

    def matrix(self, rows: Sequence[Sequence[Value]]) -> Matrix:
        return self._encoder.matrix(rows)

    def margins(self, matrix: Matrix) -> NDArray[np.float32]:
        # In place: making XGBoost's own matrix first costs more than the trees, for one payment.
        found: NDArray[np.float32] = self._booster.inplace_predict(
            matrix, iteration_range=self._trees, predict_type="margin", validate_features=False
        )
        return found

    def probabilities(self, rows: Sequence[Sequence[Value]]) -> list[float]:
        """Calibrated, one a row."""
        return self.matrix_probabilities(self.matrix(rows)).tolist() if rows else []

    def matrix_probabilities(self, matrix: Matrix) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.round(calibrated(self.header.calibration, self.margins(matrix)), DIGITS)
        return found

    def contributions(self, rows: Sequence[Sequence[Value]]) -> list[Contributions]:
        if not rows:
            return []
        matrix = self.matrix(rows)
        told = xgboost.DMatrix(matrix, feature_types=self._types, enable_categorical=True, nthread=1)
        shares = self._booster.predict(
            told, pred_contribs=True, iteration_range=self._trees, validate_features=False
        ).astype(np.float64)
        margins = self.margins(matrix)
        probabilities = np.round(calibrated(self.header.calibration, margins), DIGITS)
        return [
            Contributions(float(one[-1]), tuple(one[:-1].tolist()), float(margin), float(probability))
            for one, margin, probability in zip(shares, margins, probabilities, strict=True)
        ]


def calibrated(calibration: Calibration, margins: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = margins.astype(np.float64)
    if calibration.method == "isotonic":
        return np.interp(wide, calibration.margins, calibration.probabilities)
    return 1.0 / (1.0 + np.exp(-np.clip(calibration.slope * wide + calibration.intercept, -60.0, 60.0)))


def _booster(raw: bytes, width: int) -> xgboost.Booster:
    # One thread: payments share the cores with each other, and waking a second thread costs more than it saves.
    booster = xgboost.Booster(params={"nthread": 1})
    try:
        booster.load_model(bytearray(raw))
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise ArtefactRefused from error
    booster.set_param({"nthread": 1})
    if booster.num_features() != width:
        raise ArtefactRefused
    return booster
