"""From a matrix to a scorer, whole."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.scorers.artefact import artefact_read
from apps.fraud.scorers.measures import average_precision
from apps.fraud.scorers.scorer import Scorer, calibrated
from apps.fraud.scorers.trained import Trained
from apps.fraud.scorers.training.evaluate import evaluate
from apps.fraud.scorers.training.fitting import margins_of
from apps.fraud.scorers.training.learn import learned
from apps.fraud.scorers.training.reading import MatrixFile
from apps.fraud.scorers.training.refusals import NotTrainable
from apps.fraud.scorers.training.rows import NEVER
from apps.fraud.scorers.training.split import truth_of
from kivendtout.lib.clock import event_time
from tests.scorers.training.conftest import QUICK
from tests.scorers.training.planted import moments, planted, planted_file, with_labels

AGAIN = """
import os, sys, hashlib
from pathlib import Path
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kivendtout.settings")
import django
django.setup()
import msgspec
from apps.fraud.scorers.training.learn import learned
from tests.scorers.training.conftest import QUICK
plan = msgspec.structs.replace(QUICK, threads=2)
print(hashlib.sha256(learned(Path(sys.argv[1]), plan).encoded).hexdigest())
"""


def test_the_planted_signal_is_found_on_payments_it_never_saw(trained: Trained) -> None:
    measures = trained.report["measures"]
    assert measures["auc"] > 0.85
    assert measures["average_precision"] > 0.6
    assert measures["brier"] < measures["brier_of_the_mean"]


def test_the_same_plan_on_the_same_rows_gives_the_same_bytes(trained: Trained, matrix: Path) -> None:
    assert learned(matrix, QUICK).encoded == trained.artefact


def test_neither_another_process_nor_more_threads_change_them(trained: Trained, matrix: Path) -> None:
    told = subprocess.run([sys.executable, "-c", AGAIN, str(matrix)], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == hashlib.sha256(trained.artefact).hexdigest()


def test_a_column_that_never_changes_is_not_learned(trained: Trained) -> None:
    names = {column.name for column in artefact_read(trained.artefact).header.columns}
    assert "is_weekend" not in names
    assert {"amount_ratio", "device_kind", "new_device"} <= names


def test_keys_and_verdicts_are_not_learned(trained: Trained) -> None:
    names = {column.name for column in artefact_read(trained.artefact).header.columns}
    assert not names & {"payment_id", "reference_id", "customer", "at", "is_fraud", "label_known_at"}


def test_evaluating_the_artefact_on_its_test_period_gives_what_the_report_says(trained: Trained, matrix: Path) -> None:
    test = trained.report["periods"]["test"]
    begins, ends = (event_time(datetime.fromisoformat(test[name])) for name in ("from", "until"))
    found = evaluate(trained.artefact, matrix, begins=begins, ends=ends)
    assert (found["rows"], found["frauds"]) == (trained.report["payments"], trained.report["frauds"])
    assert found["auc_roc"] == trained.report["measures"]["auc"]
    assert found["recall_at_fpr_2pct"] == trained.report["measures"]["recall_at_2"]


def test_evaluating_a_period_without_payments_says_so(trained: Trained, matrix: Path) -> None:
    with pytest.raises(NotTrainable, match="it has no payment in this period"):
        evaluate(trained.artefact, matrix, begins=NEVER - 1)


def test_more_of_a_feature_with_a_trend_is_never_less_suspicious(trained: Trained, matrix: Path) -> None:
    header = artefact_read(trained.artefact).header
    names = [column.name for column in header.columns]
    scorer = Scorer(trained.artefact, index={name: place for place, name in enumerate(names)})
    rows = MatrixFile(matrix, CATALOGUE).rows_for(header.columns).matrix[:200]
    rising = []
    for ratio in (0.1, 0.5, 1.0, 3.0, 10.0):
        rows[:, names.index("amount_ratio")] = ratio
        rising.append(scorer.margins(rows).copy())
    assert (np.diff(np.stack(rising), axis=0) >= 0).all()
    assert (rising[-1] > rising[0]).any()


def test_the_order_of_the_file_does_not_matter(trained: Trained, tmp_path: Path) -> None:
    table = planted()
    shuffled = table.take(np.random.default_rng(2).permutation(len(table)))
    assert learned(planted_file(tmp_path, shuffled), QUICK).encoded == trained.artefact


def test_labels_that_arrive_once_the_test_period_has_begun_change_nothing_that_was_learned(
    trained: Trained, tmp_path: Path
) -> None:
    table = planted()
    begins = event_time(datetime.fromisoformat(trained.report["periods"]["test"]["from"]))
    known, fraud = moments(table, "label_known_at"), table.column("is_fraud").to_pylist()
    turned = [n for n, at in enumerate(moments(table, "at")) if at and at < begins and not fraud[n]][::9]
    for n in turned:  # many old payments turn out to be frauds, too late
        fraud[n], known[n] = True, begins + 1
    late = with_labels(table, fraud, known)
    plan = msgspec.structs.replace(QUICK, label_delay_days=trained.label_delay_days)
    again = learned(planted_file(tmp_path, late), plan, known_on=event_time(trained.known_on))
    assert again.encoded == trained.artefact
    assert again.operating == trained.operating


def test_what_was_chosen_is_learned_once_more_from_validation_too(trained: Trained, matrix: Path) -> None:
    """And thresholds and probabilities are still those of payments that had not taught."""
    work = learned(matrix, QUICK)
    said = calibrated(artefact_read(trained.artefact).header.calibration, work.best.margins)
    assert (work.part(work.split.validation) == said).all()
    assert work.booster.num_boosted_rounds() == work.best.rounds
    again = margins_of(work.booster, work.rows.matrix[work.split.validation.rows])
    truth = truth_of(work.rows, work.split.validation)
    assert (average_precision(truth, again) or 0) > (average_precision(truth, work.best.margins) or 0)
    assert artefact_read(trained.artefact).header.trained_until == trained.report["periods"]["learned_until"]
    assert trained.report["periods"]["learned_until"] == trained.report["periods"]["validation"]["until"]


def test_only_the_features_asked_for_are_learned(matrix: Path) -> None:
    plan = msgspec.structs.replace(QUICK, trials=1, features=("device_kind", "amount_ratio", "new_device"))
    columns = artefact_read(learned(matrix, plan).encoded).header.columns
    assert [column.name for column in columns] == ["amount_ratio", "new_device", "device_kind"]


def test_what_watches_it_later_is_kept_with_it(trained: Trained) -> None:
    periods = trained.report["periods"]
    assert trained.baseline["rows"] > periods["train"]["payments"] + periods["validation"]["payments"]
    assert set(trained.baseline["features"]) == set(trained.report["features"]["learned"])
