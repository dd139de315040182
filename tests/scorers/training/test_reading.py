"""What a matrix must hold to be learned from, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.scorers.encoding import MOST_VALUES
from apps.fraud.scorers.training.reading import MatrixFile
from apps.fraud.scorers.training.refusals import FeaturesRefused, NotTrainable
from apps.fraud.scorers.training.rows import NEVER
from tests.scorers.training.planted import moments, planted, planted_file, with_column, with_labels

SMALL = planted(300)
FRAUD, KNOWN = SMALL.column("is_fraud").to_pylist(), moments(SMALL, "label_known_at")
FIRST = FRAUD.index(True)


def opened(folder: Path, table: pa.Table = SMALL) -> MatrixFile:
    return MatrixFile(planted_file(folder, table), CATALOGUE)


def test_rows_come_in_the_order_of_time_with_what_measures_need(tmp_path: Path) -> None:
    file = opened(tmp_path, SMALL.take(np.random.default_rng(1).permutation(300)))
    rows = file.rows(file.features(()), slice(0, 300))
    assert (np.diff(rows.at) >= 0).all()
    assert rows.amounts.tolist() == SMALL.column("amount_eur").to_pylist()
    assert rows.fraud.tolist() == [bool(fraud) for fraud in FRAUD]
    assert (rows.known_at == NEVER).sum() == FRAUD.count(None)


def test_labels_are_those_known_on_the_date(tmp_path: Path) -> None:
    rows = opened(tmp_path).times()
    when = KNOWN[FIRST]
    assert when is not None
    assert not rows.known(when - 1)[FIRST]
    assert rows.known(when)[FIRST]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("is_fraud", "is_fraud"),
        ("label_known_at", "label_known_at"),
        ("customer", "customer"),
        ("payment_id", "payment_id"),
        ("merchant", "merchant"),
        ("chargeback_amount", "chargeback_amount"),
        ("hour,nothing,amount_ratio,nowhere", "nothing, nowhere"),
    ],
)
def test_a_feature_that_the_catalogue_does_not_compute_is_refused_by_name(
    tmp_path: Path, asked: str, named: str
) -> None:
    table = with_column(SMALL, "chargeback_amount", np.zeros(300))
    with pytest.raises(FeaturesRefused, match=f"cannot learn from {named}:"):
        opened(tmp_path, table).features(tuple(asked.split(",")))


def test_a_foreign_column_is_not_learned_and_is_named(tmp_path: Path) -> None:
    file = opened(tmp_path, with_column(SMALL, "chargeback_amount", np.arange(300.0)))
    rows = file.rows(file.features(()), slice(0, 300))
    assert "chargeback_amount" not in {column.name for column in rows.columns}
    assert rows.ignored == ("chargeback_amount",)


def test_texts_are_coded_by_the_rows_that_teach_most_frequent_first(tmp_path: Path) -> None:
    country = ["BE"] * 60 + ["FR"] * 90 + [f"X{n}" for n in range(150)]
    file = opened(tmp_path, with_column(SMALL, "payment_country", country))
    (column,) = file.rows(file.features(("payment_country",)), slice(0, 150)).columns
    assert column.values == ("FR", "BE")
    (column,) = file.rows(file.features(("payment_country",)), slice(0, 300)).columns
    assert len(column.values) == MOST_VALUES


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (SMALL.drop_columns(["customer"]), "it lacks customer"),
        (with_column(SMALL, "at", [None] * 300), "some payments have no time"),
        (with_column(SMALL, "at", ["yesterday"] * 300), "at holds no moments"),
        (with_column(SMALL, "reference_id", [1] * 300), "a payment stands in it twice"),
        (with_labels(SMALL, FRAUD, [None] * 300), "do not say when they became known"),
        (with_labels(SMALL, FRAUD, [at and at - 10**12 for at in KNOWN]), "were known before their payment was made"),
        (with_column(SMALL, "amount_eur", [np.inf] * 300), "amount_eur holds infinite numbers"),
        (with_column(SMALL, "hour", ["noon"] * 300), "hour is not integer in it"),
        (with_column(SMALL, "is_fraud", ["perhaps"] * 300), "is_fraud holds no true and false"),
        (with_column(SMALL, "is_fraud", [7] * 300), "is_fraud holds no true and false"),
        (with_column(SMALL, "amount_eur", ["dear"] * 300), "amount_eur holds no numbers"),
        (with_column(SMALL, "customer", [{"id": 1}] * 300), "customer holds no texts"),
        (with_column(SMALL, "reference_id", [None, *range(299)]), "some payments have no reference_id"),
        (with_column(SMALL, "reference_id", ["one"] * 300), "reference_id holds no whole numbers"),
        (with_column(SMALL, "previous_payments", ["many"] * 300), "previous_payments holds no whole numbers"),
        (with_column(SMALL, "method", [{"id": 1}] * 300), "method is not text in it"),
    ],
)
def test_a_matrix_that_cannot_be_learned_from_is_refused_with_its_fault(
    tmp_path: Path, table: pa.Table, problem: str
) -> None:
    with pytest.raises(NotTrainable, match=rf"matrix.parquet cannot be trained on: .*{problem}"):
        file = opened(tmp_path, table)
        file.times()
        file.rows(file.features(()), slice(0, 300))


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.parquet").write_text("hello")
    with pytest.raises(NotTrainable, match=r"notes.parquet cannot be trained on"):
        MatrixFile(tmp_path / "notes.parquet", CATALOGUE)


def test_verdicts_written_as_zeros_and_ones_are_read(tmp_path: Path) -> None:
    table = with_column(SMALL, "is_fraud", [None if fraud is None else int(fraud) for fraud in FRAUD])
    assert opened(tmp_path, table).fraud.tolist() == [bool(fraud) for fraud in FRAUD]


def test_of_too_many_payments_the_newest_are_read_and_the_others_counted(tmp_path: Path) -> None:
    shuffled = SMALL.take(np.random.default_rng(1).permutation(300))
    file = MatrixFile(planted_file(tmp_path, shuffled), CATALOGUE, most_rows=120)
    rows = file.rows(file.features(()), slice(0, 120))
    assert (len(rows), rows.matrix.shape[0], rows.older) == (120, 120, 180)
    assert rows.at.tolist() == moments(SMALL, "at")[180:]
    assert rows.amounts.tolist() == SMALL.column("amount_eur").to_pylist()[180:]
