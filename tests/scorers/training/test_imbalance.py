"""Four ways to learn from few frauds, and what each reaches."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.scorers.artefact import Column
from apps.fraud.scorers.training.calibrating import sigmoid
from apps.fraud.scorers.training.defaults import STARTING
from apps.fraud.scorers.training.fitting import trends_of
from apps.fraud.scorers.training.imbalance import KEPT_FOR_ONE, Tried, best_of, compared, undersampled
from apps.fraud.scorers.training.plan import Plan
from apps.fraud.scorers.training.reading import MatrixFile
from apps.fraud.scorers.training.rows import DAY
from apps.fraud.scorers.training.split import split_of

QUIET = {**STARTING, "max_depth": 3}


@pytest.fixture(scope="module")
def table(matrix: Path) -> tuple[list[Tried], list[dict[str, object]]]:
    file = MatrixFile(matrix, CATALOGUE)
    split = split_of(file.times(), Plan(label_delay_days=4), int(file.at[-1]) + 10 * DAY)
    rows = file.rows(file.features(()), split.train.rows)
    return compared(rows, split, QUIET, trends_of(rows.columns, CATALOGUE), seed=1, threads=1)


def test_each_way_is_tried_the_simplest_first(table: tuple[list[Tried], list[dict[str, object]]]) -> None:
    assert [one.name for one in table[0]] == ["none", "weight_sqrt", "weight_full", "undersampling"]
    assert best_of(table[0]).average_precision == max(one.average_precision for one in table[0])


def test_each_speaks_of_all_payments_again_once_shifted(table: tuple[list[Tried], list[dict[str, object]]]) -> None:
    for one in table[0]:
        said = sigmoid(one.margins.astype(np.float64) + one.shift).mean()
        assert 0.015 < said < 0.06, one.name  # three in a hundred are frauds


def test_a_line_of_the_table_is_plain_figures(table: tuple[list[Tried], list[dict[str, object]]]) -> None:
    told = table[0][0].told()
    assert set(told) == {"name", "rounds", "average_precision", "brier", "log_loss"}
    assert json.loads(json.dumps(told)) == told


def test_what_trends_change_is_on_record(table: tuple[list[Tried], list[dict[str, object]]]) -> None:
    tried, trends = table
    assert [(one["trends"], one["kept"]) for one in trends] == [(True, True), (False, False)]
    assert trends[0]["average_precision"] == best_of(tried).average_precision


def test_undersampling_keeps_every_fraud() -> None:
    truth = np.random.default_rng(1).random(20_000) < 0.01
    kept = undersampled(truth, 0.2, seed=4)
    assert truth[kept].sum() == truth.sum()
    assert (~truth[kept]).sum() == pytest.approx(0.2 * (~truth).sum(), rel=0.05)
    assert undersampled(truth, 0.2, seed=4).tolist() == kept.tolist()
    assert KEPT_FOR_ONE > 1


def test_trends_come_from_the_catalogue_and_bind_numbers_alone() -> None:
    columns = [
        Column(name, CATALOGUE[name].kind) for name in ("amount_eur", "amount_ratio", "account_age_days", "method")
    ]
    assert trends_of(columns, CATALOGUE) == {"monotone_constraints": "(0,1,-1,0)"}
    assert trends_of(columns[:1], CATALOGUE) == {}
