"""From a matrix to a scorer, whole."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from apps.fraud.scorers.artefact import artefact_read
from apps.fraud.scorers.trained import Trained
from apps.fraud.scorers.training.evaluate import evaluate
from apps.fraud.scorers.training.train import train
from kivendtout.lib.clock import event_time
from tests.scorers.training.conftest import QUICK

AGAIN = """
import os, sys, hashlib
from pathlib import Path
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kivendtout.settings")
import msgspec
from apps.fraud.scorers.training.train import train
from tests.scorers.training.conftest import QUICK
plan = msgspec.structs.replace(QUICK, threads=2)
print(hashlib.sha256(train(Path(sys.argv[1]), plan).artefact).hexdigest())
"""


def test_the_planted_signal_is_found_on_payments_it_never_saw(trained: Trained) -> None:
    measures = trained.report["measures"]
    assert measures["auc"] > 0.85
    assert measures["average_precision"] > 0.6
    assert measures["brier"] < measures["brier_of_the_mean"]


def test_the_same_plan_on_the_same_rows_gives_the_same_bytes(trained: Trained, matrix: Path) -> None:
    assert train(matrix, QUICK).artefact == trained.artefact


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
    begins = event_time(trained.report_test_from) if hasattr(trained, "report_test_from") else None
    found = evaluate(trained.artefact, matrix, begins=begins)
    assert found["rows"] > trained.report["payments"]
    assert found["auc_roc"] > 0.85
