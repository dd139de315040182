"""A column that knows the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.scorers.training.leaks import require_no_leak
from apps.fraud.scorers.training.plan import Plan
from apps.fraud.scorers.training.reading import MatrixFile
from apps.fraud.scorers.training.refusals import Leaks
from apps.fraud.scorers.training.rows import DAY, Rows
from apps.fraud.scorers.training.split import Split, split_of
from tests.scorers.training.planted import planted, planted_file, with_column

TABLE = planted(5000, delay=0.5)
FRAUD = np.array([fraud is True for fraud in TABLE.column("is_fraud").to_pylist()])
DRAW = np.random.default_rng(4)


def read(folder: Path, table: pa.Table) -> tuple[Rows, Split]:
    file = MatrixFile(planted_file(folder, table), CATALOGUE)
    split = split_of(file.times(), Plan(label_delay_days=4), int(file.at[-1]) + 10 * DAY)
    return file.rows(file.features(()), split.train.rows), split


TELLING: dict[str, tuple[str, Any]] = {
    "a number that is high for frauds": ("customer_frauds", FRAUD * 3 + DRAW.integers(0, 2, 5000)),
    "a number that is low for frauds": ("customer_amount_7d", DRAW.random(5000) + ~FRAUD),
    "being filled at all": ("billing_distance_km", pa.array(DRAW.random(5000), mask=~FRAUD)),
    "being empty": ("billing_distance_km", pa.array(DRAW.random(5000), mask=FRAUD)),
    "a word": ("failure_code", np.where(FRAUD, DRAW.choice(["stolen", "lost"], 5000), "none")),
}


@pytest.mark.parametrize("how", TELLING)
def test_a_feature_that_alone_separates_frauds_is_refused_by_name(tmp_path: Path, how: str) -> None:
    name, values = TELLING[how]
    rows, split = read(tmp_path, with_column(TABLE, name, values))
    with pytest.raises(Leaks, match=rf"nearly perfectly: {name} \(AUC (0\.99|1\.0).*check what it is made of"):
        require_no_leak(rows, split)


def test_it_may_be_allowed_by_name(tmp_path: Path) -> None:
    name, values = TELLING["a word"]
    rows, split = read(tmp_path, with_column(TABLE, name, values))
    require_no_leak(rows, split, (name,))
    with pytest.raises(Leaks, match=name):
        require_no_leak(rows, split, ("another",))


def test_a_strong_honest_feature_is_let_through(tmp_path: Path) -> None:
    strong = np.where(FRAUD & (DRAW.random(5000) < 0.9), 10.0, 0.0) + DRAW.random(5000)
    require_no_leak(*read(tmp_path, with_column(TABLE, "customer_amount_1h", strong)))


def test_few_frauds_are_not_judged_by_one_column(tmp_path: Path) -> None:
    name, values = TELLING["a word"]
    rows, split = read(tmp_path, with_column(TABLE, name, values))
    few = np.flatnonzero(rows.fraud)[30:]
    fraud = rows.fraud.copy()
    fraud[few] = False
    require_no_leak(replace(rows, fraud=fraud), split)
