"""From feature rows to the numbers that a booster reads. One table of codes for a payment, a batch and a training file.

Numeric columns come first, texts behind them: a payment's numbers are then copied in one step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.engine.features.feature import Feature, Value
from apps.fraud.scorers.artefact import Column

if TYPE_CHECKING:
    import pyarrow as pa

Matrix = NDArray[np.float32]
# Rarer texts say little and make the table long; they are told apart from missing ones, not from each other.
MOST_VALUES: Final = 24
# Texts that name one thing among thousands: what matters of them is counted in features of their own.
NAMES: Final = frozenset({"merchant", "card_bin"})


def learnable(features: Sequence[Feature]) -> list[Feature]:
    """Numbers first, in the order of the catalogue."""
    numeric = [one for one in features if one.kind != "text"]
    return numeric + [one for one in features if one.kind == "text" and one.name not in NAMES]


def columns_of(features: Sequence[Feature], values: Mapping[str, Sequence[str]]) -> tuple[Column, ...]:
    """`values`: texts met in training, the most frequent first."""
    return tuple(
        Column(one.name, one.kind, one.version, tuple(values.get(one.name, ()))[:MOST_VALUES]) for one in features
    )


def feature_types(columns: Sequence[Column]) -> list[str]:
    """As XGBoost wants to be told: `q` for a quantity, `c` for a category."""
    return ["c" if column.kind == "text" else "q" for column in columns]


class Encoder:
    """`index` says where each feature stands in a row."""

    def __init__(self, columns: Sequence[Column], index: Mapping[str, int]) -> None:
        assert [c.kind == "text" for c in columns] == sorted(c.kind == "text" for c in columns), "texts stand behind"
        self.width = len(columns)
        self.numeric = sum(column.kind != "text" for column in columns)
        self._pick = _picker([index[column.name] for column in columns[: self.numeric]])
        self._codes: list[tuple[int, dict[Value, float], float]] = [
            (index[column.name], _codes(column), float(len(column.values))) for column in columns[self.numeric :]
        ]

    def matrix(self, rows: Sequence[Sequence[Value]]) -> Matrix:
        """None becomes NaN, true 1, false 0."""
        if not rows:
            return np.empty((0, self.width), dtype=np.float32)
        pick, texts = self._pick, self._codes
        # All at once: number by number into an array costs three times as much.
        told = [(*pick(row), *[codes.get(row[place], other) for place, codes, other in texts]) for row in rows]
        return np.array(told, dtype=np.float32)


def _codes(column: Column) -> dict[Value, float]:
    codes: dict[Value, float] = {None: np.nan}
    return codes | {value: float(n) for n, value in enumerate(column.values)}


def _picker(places: list[int]) -> Any:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: [row[place] for place in places]


def table_matrix(table: pa.Table, columns: Sequence[Column]) -> Matrix:
    """The same from a training file, by columns: a million rows in seconds."""
    made = np.empty((table.num_rows, len(columns)), dtype=np.float32)
    for at, column in enumerate(columns):
        found = table.column(column.name)
        made[:, at] = _text_codes(found, column.values) if column.kind == "text" else _numbers(found)
    return made


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    # By way of doubles, as a payment's numbers go: both paths round once.
    plain = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
    numbers: NDArray[np.float64] = pc.fill_null(plain.cast(pa.float64()), np.nan).to_numpy()
    return numbers


def _text_codes(column: pa.ChunkedArray, values: Sequence[str]) -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    places = pc.index_in(column, value_set=pa.array(values, pa.string()))
    codes = pc.fill_null(places.cast(pa.float64()), float(len(values)))
    made: NDArray[np.float64] = pc.if_else(column.is_null(), np.nan, codes).to_numpy()
    return made
