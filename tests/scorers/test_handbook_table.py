"""The table beside rules: what it says of a training's report, and the data set's files joined into one history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from msgspec import to_builtins

from apps.fraud.management.commands.handbook_protocol import told as protocol_told
from apps.fraud.management.commands.scorer_table import told
from apps.fraud.scorers.bar import lines_of, reached
from apps.fraud.scorers.handbook import FLOORS, Mean, Measured
from apps.fraud.scorers.handbook_fit import Settings
from apps.fraud.services.generated_history import NoDataset, history_written
from apps.fraud.services.handbook import Protocol
from apps.payments.dataset import DatasetOptions, generate

LEARNED = {"auc": 0.97, "average_precision": 0.8, "recall_at_5": 0.91}


def report(**scorer: Any) -> dict[str, Any]:
    at = {"points": 60, "recall": 0.7, "fpr": 0.11, "scorer_recall": 0.95}
    return {
        "measures": {**LEARNED, **scorer},
        "against": {
            "logistic_regression": {**LEARNED, "recall_at_5": None},
            "rules": {"sixteen": {"auc": 0.9, "average_precision": 0.2, "at": [at]}},
        },
    }


def test_the_scorer_the_regression_and_each_rule_set_stand_in_one_table() -> None:
    scorer, regression, rules = lines_of(report())
    assert (scorer.name, scorer.recall, scorer.fpr) == ("scorer", 0.91, None)
    assert (regression.name, regression.recall) == ("logistic regression", None)
    assert (rules.name, rules.points, rules.recall, rules.fpr, rules.beaten_by) == ("sixteen", 60, 0.7, 0.11, 0.95)


@pytest.mark.parametrize(("recall", "so"), [(0.9, True), (0.899, False), (None, False)])
def test_nine_frauds_in_ten_are_asked_of_the_scorer(recall: float | None, so: bool) -> None:
    assert reached(report(recall_at_5=recall)) is so


def test_the_table_reads_as_a_table() -> None:
    text = told({
        "payments": 6703, "frauds": 80, "periods": {"test": {"from": "2026-01-17T00:00:00"}},
        "reached": True, "lines": to_builtins(lines_of(report())),
    })  # fmt: skip
    assert text.startswith("6,703 payments from 2026-01-17 on, 80 of them frauds:")
    (line,) = [line for line in text.splitlines() if line.startswith("sixteen")]
    assert line.split() == ["sixteen", "at", "60", "points", "0.9000", "0.2000", "70.0%", "11.0%", "95.0%"]
    assert text.endswith("Asked of the scorer: recall of 90% at an FPR under 5%; reached.")


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_a_data_set_becomes_one_history_whatever_its_format(tmp_path: Path, file_format: str) -> None:
    generate(DatasetOptions(tmp_path / "set", customers=30, file_format=file_format, workers=1))  # type: ignore[arg-type]  # one of the two
    frame = pl.read_parquet(history_written(tmp_path / "set", tmp_path / "history.parquet"))
    assert len(frame) and frame["payment_id"].n_unique() == len(frame)
    assert {"merchant_id", "card_fingerprint", "utm_source", "country", "mcc", "is_fraud", "label_ts"} <= set(
        frame.columns
    )
    assert frame["mcc"].dtype == frame["attempt_ts"].dtype == frame["card_bin"].dtype == pl.String


def test_a_folder_that_is_no_data_set_says_which_file_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(NoDataset, match=r"lacks payments.csv. Give a folder that generate_dataset made"):
        history_written(tmp_path, tmp_path / "history.parquet")


def test_the_protocol_prints_each_week_the_mean_and_whether_the_bar_is_reached() -> None:
    week = Measured(
        start="2018-06-27", learned=67574, tested=57800, frauds=411, auc=0.9, average_precision=0.75,
        card_precision_100=0.27,
    )  # fmt: skip
    mean = Mean(auc=0.9, average_precision=0.75, card_precision_100=0.27)
    text = protocol_told(
        Protocol(
            weeks=(week,),
            mean=mean,
            floors=FLOORS,
            reached=mean.reached(),
            settings=Settings(),
            features=(),
            chosen_on=("2018-05-23",),
        )
    )
    assert "2018-06-27         67,574   57,800     411   0.9000    0.7500    0.2700" in text
    assert "The bar is not reached." in text
