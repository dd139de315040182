"""Feature rows as a Parquet file, one row a payment, written in row groups so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from apps.fraud.engine.event import Facts
from apps.fraud.engine.features.catalogue import FEATURES, VERSION
from apps.fraud.engine.features.feature import Value

MOMENT: Final = pa.timestamp("us", tz="UTC")
TYPES: Final = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "text": pa.string()}
# Who and when, beside what the catalogue has. `device`, `card` and `ip` are ids and keyed hashes, for lists.
KEYS: Final = (
    ("payment_id", pa.string()),
    ("reference_id", pa.int64()),
    ("customer", pa.string()),
    ("device", pa.string()),
    ("card", pa.string()),
    ("ip", pa.string()),
    ("at", MOMENT),
)
TRUTH: Final = (("is_fraud", pa.bool_()), ("label_known_at", MOMENT))
FEATURE_TYPES: Final = tuple(TYPES[feature.kind] for feature in FEATURES)
SCHEMA: Final = pa.schema(
    [*KEYS, *((feature.name, TYPES[feature.kind]) for feature in FEATURES), *TRUTH],
    metadata={"catalogue_version": VERSION},
)
# A dictionary of numbers, few of which come again, takes as long as all the rest of writing, and saves nothing.
DICTIONARIES: Final = [name for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True) if kind == pa.string()]
# A query reads whole row groups: fewer make scans faster, more make the writer's memory smaller (25 MB each here).
ROWS_A_GROUP: Final = 50_000

assert len(set(SCHEMA.names)) == len(SCHEMA.names), "a key column is named like a feature"


class MatrixRow(NamedTuple):
    reference: int
    facts: Facts
    features: list[Value]
    is_fraud: bool | None
    """None: nobody has said; taken for genuine."""
    label_known_at: datetime | None


class MatrixWriter:
    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(
            path, SCHEMA, compression="zstd", compression_level=1, use_dictionary=DICTIONARIES
        )
        self._tables: list[pa.Table] = []
        self._waiting = 0

    def __enter__(self) -> MatrixWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._flush()
        self._writer.close()

    def write(self, rows: Sequence[MatrixRow]) -> None:
        if rows:
            self.write_table(_table(rows))

    def write_table(self, table: pa.Table) -> None:
        self._tables.append(table)
        self._waiting += len(table)
        if self._waiting >= ROWS_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._tables:
            self._writer.write_table(pa.concat_tables(self._tables), row_group_size=max(self._waiting, 1))
        self._tables, self._waiting = [], 0


def feature_columns(rows: Sequence[Sequence[Value]]) -> list[pa.Array]:
    """Rows of the catalogue's features as the matrix's columns."""
    return [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), FEATURE_TYPES, strict=True)]


def matrix_table(keys: Sequence[pa.Array], parts: Sequence[list[pa.Array]], truth: Sequence[pa.Array]) -> pa.Table:
    """`parts` are the features of one row after another, as `feature_columns` gives them."""
    features = [pa.chunked_array(column) for column in zip(*parts, strict=True)]
    return pa.table([*keys, *features, *truth], schema=SCHEMA)


def _table(rows: Sequence[MatrixRow]) -> pa.Table:
    facts = [row.facts for row in rows]
    keys: list[Sequence[Any]] = [
        [one.payment_id for one in facts],
        [row.reference for row in rows],
        [one.customer for one in facts],
        [one.device for one in facts],
        [one.card for one in facts],
        [one.ip for one in facts],
        [one.at for one in facts],
    ]
    truth = ([row.is_fraud for row in rows], [row.label_known_at for row in rows])
    return matrix_table(
        [pa.array(column, kind) for column, (_name, kind) in zip(keys, KEYS, strict=True)],
        [feature_columns([row.features for row in rows])],
        [pa.array(column, kind) for column, (_name, kind) in zip(truth, TRUTH, strict=True)],
    )
