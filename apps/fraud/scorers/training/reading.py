"""A Parquet feature matrix into memory, a column at a time: 500,000 payments of 190 features take some 400 MB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from apps.fraud.engine.features.feature import Feature
from apps.fraud.scorers.artefact import Column
from apps.fraud.scorers.encoding import MOST_VALUES, Matrix, learnable, table_matrix
from apps.fraud.scorers.training.refusals import FeaturesRefused, NotTrainable
from apps.fraud.scorers.training.rows import NEVER, Rows

# Columns beside the features; `feature_matrix.SCHEMA` says what each is.
KEYS: Final = ("payment_id", "reference_id", "customer", "at", "is_fraud", "label_known_at")
# What the report sets payments apart by, where the file has it.
FACTS: Final = ("payment_country", "device_kind", "previous_payments")
MOMENT: Final = pa.timestamp("us", tz="UTC")
# As what the columns beside the features are read, and what they are called when they cannot be.
READ_AS: Final = {
    "payment_id": (pa.string(), "texts"),
    "reference_id": (pa.int64(), "whole numbers"),
    "customer": (pa.string(), "texts"),
    "at": (MOMENT, "moments"),
    "label_known_at": (MOMENT, "moments"),
    "is_fraud": (pa.bool_(), "true and false"),
    "amount_eur": (pa.float64(), "numbers"),
    "payment_country": (pa.string(), "texts"),
    "device_kind": (pa.string(), "texts"),
    "previous_payments": (pa.int64(), "whole numbers"),
}
NAMED: Final = 5


class MatrixFile:
    """What is in the file, without the features: they are read once it is known which rows teach."""

    def __init__(self, path: Path, catalogue: Mapping[str, Feature], *, most_rows: int | None = None) -> None:
        try:
            self._file = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise NotTrainable(file=path.name, problem=str(error).splitlines()[0]) from error
        self.path, self._catalogue = path, catalogue
        self.names = self._file.schema_arrow.names
        if missing := [name for name in KEYS if name not in self.names]:
            raise self.refused(f"it lacks {', '.join(missing)}")
        at = self._moments("at")
        if (at == NEVER).any():
            raise self.refused("some payments have no time")
        told = self._read("reference_id")
        if told.null_count:
            raise self.refused("some payments have no reference_id")
        references = told.to_numpy()
        if len(np.unique(references)) != len(references):
            raise self.refused("a payment stands in it twice")
        order = np.lexsort((references, at))
        self.older = max(len(order) - most_rows, 0) if most_rows is not None else 0
        self.order = order[self.older :]
        self.at = at[self.order]
        self.fraud, self.known_at = self._labels()

    def _labels(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        fraud = pc.fill_null(self._read("is_fraud"), False).to_numpy()[self.order]
        known_at = self._moments("label_known_at")[self.order]
        if early := int((known_at < self.at).sum()):
            raise self.refused(f"{early} labels were known before their payment was made")
        if untold := int((fraud & (known_at == NEVER)).sum()):
            raise self.refused(f"{untold} frauds do not say when they became known")
        return fraud, known_at

    def times(self) -> Rows:
        """Without features: enough to say which rows teach."""
        return self._rows(np.empty((len(self.at), 0), dtype=np.float32), (), set())

    def column(self, name: str) -> pa.ChunkedArray:
        try:
            found: pa.ChunkedArray = self._file.read(columns=[name]).column(0)
        except (OSError, pa.ArrowException) as error:
            raise self.refused(f"{name} cannot be read") from error
        return found

    def _read(self, name: str) -> pa.ChunkedArray:
        """As what it must be, whatever the file has it as. Zeros and ones are verdicts, other numbers are none."""
        kind, called = READ_AS[name]
        column = self.column(name)
        try:
            if kind == pa.bool_() and not pa.types.is_boolean(column.type):
                column = column.cast(pa.float64())
                if not pc.all(pc.is_in(column, value_set=pa.array([0.0, 1.0, None]))).as_py():
                    raise self.refused(f"{name} holds no {called}")
            return column.cast(kind)
        except pa.ArrowException as error:
            raise self.refused(f"{name} holds no {called}") from error

    def refused(self, problem: str) -> NotTrainable:
        return NotTrainable(file=self.path.name, problem=problem)

    def _moments(self, name: str) -> NDArray[np.int64]:
        found: NDArray[np.int64] = pc.fill_null(self._read(name).cast(pa.int64()), NEVER).to_numpy()
        return found

    def features(self, asked: Sequence[str]) -> list[Feature]:
        """Those of the catalogue that the file has, in its order; or those asked for, refusing by name the others."""
        known = {one.name for one in learnable(list(self._catalogue.values()))}
        if refused := [name for name in asked if name not in known or name not in self.names]:
            raise FeaturesRefused(names=", ".join(refused))
        wanted = set(asked) or known
        found = [one for one in self._catalogue.values() if one.name in wanted and one.name in self.names]
        return learnable(found)

    def rows(self, features: Sequence[Feature], teach: slice) -> Rows:
        """Constant columns are left out, and texts are coded, by what the rows that teach say."""
        matrix = np.empty((len(self.at), len(features)), dtype=np.float32)
        columns: list[Column] = []
        for feature in features:
            column = self._column_of(feature, teach)
            values = self._values(column)
            if not np.isinf(values).any():
                if not _constant(values[teach]):
                    matrix[:, len(columns)] = values
                    columns.append(column)
                continue
            raise self.refused(f"{feature.name} holds infinite numbers")
        # A view of what was filled: dropping columns by copying would double the memory.
        return self._rows(matrix[:, : len(columns)], tuple(columns), set(self._catalogue))

    def rows_for(self, columns: Sequence[Column]) -> Rows:
        """As a scorer reads them that exists already."""
        if missing := [one.name for one in columns if one.name not in self.names]:
            raise self.refused(f"it lacks {', '.join(missing[:NAMED])}, which the scorer reads")
        matrix = np.empty((len(self.at), len(columns)), dtype=np.float32)
        for place, column in enumerate(columns):
            matrix[:, place] = self._values(column)
        return self._rows(matrix, tuple(columns), set(self._catalogue))

    def _column_of(self, feature: Feature, teach: slice) -> Column:
        if feature.kind != "text":
            return Column(feature.name, feature.kind, feature.version)
        told = self.column(feature.name)
        if not (pa.types.is_string(told.type) or pa.types.is_null(told.type)):
            raise self.refused(f"{feature.name} is not text in it")
        met = told.take(pa.array(self.order[teach])).drop_null()
        counted = sorted((-one["counts"], one["values"]) for one in pc.value_counts(met).to_pylist())
        return Column(feature.name, feature.kind, feature.version, tuple(text for _n, text in counted[:MOST_VALUES]))

    def _values(self, column: Column) -> NDArray[np.float32]:
        try:
            made = table_matrix(self._file.read(columns=[column.name]), [column])
        except pa.ArrowException as error:
            raise self.refused(f"{column.name} is not {column.kind} in it") from error
        found: NDArray[np.float32] = made[:, 0][self.order]
        return found

    def _rows(self, matrix: Matrix, columns: tuple[Column, ...], known: set[str]) -> Rows:
        ignored = tuple(name for name in self.names if name not in known and name not in KEYS)
        return Rows(
            columns=columns, matrix=matrix, at=self.at, fraud=self.fraud, known_at=self.known_at,
            customers=self._numbers_of("customer"), amounts=self._amounts(), order=self.order, ignored=ignored,
            facts={name: self._facts(name) for name in FACTS if name in self.names}, older=self.older,
        )  # fmt: skip

    def _numbers_of(self, name: str) -> NDArray[np.int64]:
        codes = self._read(name).combine_chunks().dictionary_encode().indices
        found: NDArray[np.int64] = pc.fill_null(codes.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
        return found[self.order]

    def _amounts(self) -> NDArray[np.float64]:
        if "amount_eur" not in self.names:
            return np.zeros(len(self.at))
        found: NDArray[np.float64] = pc.fill_null(self._read("amount_eur"), 0.0).to_numpy()[self.order]
        if np.isinf(found).any():
            raise self.refused("amount_eur holds infinite numbers")
        return np.nan_to_num(found)

    def _facts(self, name: str) -> NDArray[Any]:
        found: NDArray[Any] = self._read(name).to_numpy()
        return found[self.order]


def _constant(values: NDArray[np.float32]) -> bool:
    missing = np.isnan(values)
    if missing.all():
        return True
    return not missing.any() and bool((values == values[0]).all())
