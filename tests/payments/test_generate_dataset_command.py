"""The command: what it prints, what it refuses, and that it leaves nothing half done."""

import errno
import io
import json
import os
import signal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.payments.dataset import DatasetError, DatasetOptions, generate, workers
from apps.payments.dataset.files import TextSink


def _run(*arguments: object) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("generate_dataset", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_it_prints_one_json_object_and_its_progress_elsewhere(tmp_path: Path) -> None:
    out, err = _run("--out", tmp_path / "set", "--customers", 20, "--json")
    told = json.loads(out)
    assert told["files"]["customers.csv"]["rows"] == 20
    assert "night_payments" in told["frauds"]
    assert told["rows_total"] > 20
    assert "Generating 20 customers" in err


def test_it_prints_a_summary_for_people(tmp_path: Path) -> None:
    out, _ = _run("--out", tmp_path / "set", "--customers", 20)
    assert "customers.csv" in out
    assert "Frauds:" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--customers", "-5"], "ask for at least 1 customer"),
        (["--customers", "0"], "ask for at least 1 customer"),
        (["--customers", "60000000"], "the most one run makes"),
        (["--start", "2025-12-01", "--end", "2025-11-01"], "is before --start"),
        (["--start", "2015-12-01", "--end", "2025-11-01"], "too many"),
        (["--start", "2025-13-01"], "is not a date"),
        (["--seed", "-1"], "whole number from 0"),
        (["--format", "xml"], "choose one of csv, parquet"),
        (["--workers", "0"], "give at least 1"),
    ],
)
def test_it_refuses_bad_arguments_in_a_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        _run("--out", tmp_path / "set", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_it_refuses_a_directory_with_other_files(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("beach")
    with pytest.raises(CommandError, match=r"holds other files \(holiday.jpg"):
        _run("--out", tmp_path, "--customers", 5)
    assert (tmp_path / "holiday.jpg").read_text() == "beach"


def test_it_refuses_a_data_set_of_ours_to_which_something_was_added(tmp_path: Path) -> None:
    generate(DatasetOptions(tmp_path / "set", customers=5))
    (tmp_path / "set" / "notes.txt").write_text("mine")
    with pytest.raises(CommandError, match="holds other files"):
        _run("--out", tmp_path / "set", "--customers", 5)
    assert (tmp_path / "set" / "notes.txt").exists()


def test_it_refuses_a_path_that_is_a_file_or_lies_below_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="is a file"):
        _run("--out", tmp_path / "file")
    with pytest.raises(CommandError, match="Cannot"):
        _run("--out", tmp_path / "file" / "below")


def test_it_refuses_what_the_disk_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="make room"):
        _run("--out", tmp_path / "set", "--customers", 50_000_000, "--end", "2028-10-30")


def test_it_replaces_its_own_earlier_data_set(tmp_path: Path) -> None:
    generate(DatasetOptions(tmp_path / "set", customers=5))
    generate(DatasetOptions(tmp_path / "set", customers=7, file_format="parquet"))
    assert json.loads((tmp_path / "set" / "manifest.json").read_text())["customers"] == 7
    assert not (tmp_path / "set" / "customers.csv").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_it_fills_an_empty_directory(tmp_path: Path) -> None:
    generate(DatasetOptions(tmp_path, customers=5))
    assert (tmp_path / "manifest.json").exists()


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: TextSink, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TextSink, "append", full)
    with pytest.raises(DatasetError, match="No space left on device"):
        generate(DatasetOptions(tmp_path / "set", customers=5))
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_earlier_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(DatasetOptions(tmp_path / "set", customers=5))

    def full(self: TextSink, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TextSink, "append", full)
    with pytest.raises(DatasetError):
        generate(DatasetOptions(tmp_path / "set", customers=9))
    assert json.loads((tmp_path / "set" / "manifest.json").read_text())["customers"] == 5


def _die(*arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_ends_the_run_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_work", _die)
    with pytest.raises(DatasetError, match="worker process ended early"):
        generate(DatasetOptions(tmp_path / "set", customers=6_000, workers=2))
    assert list(tmp_path.iterdir()) == []


def test_it_sweeps_what_a_killed_run_left(tmp_path: Path) -> None:
    left = tmp_path / ".set.partial-99999999"
    left.mkdir()
    generate(DatasetOptions(tmp_path / "set", customers=5))
    assert not left.exists()


@pytest.mark.parametrize("days", ["2025-11-01", "2025-11-02"])
def test_a_tiny_data_set_is_whole(tmp_path: Path, days: str) -> None:
    out, _ = _run("--out", tmp_path / "set", "--customers", 1, "--end", days, "--json")
    assert json.loads(out)["files"]["customers.csv"]["rows"] == 1


def test_customer_numbers_grow_wider_when_they_must() -> None:
    import numpy as np

    from apps.payments.dataset.arrays import number_text

    assert number_text("C", np.array([1, 99_999, 100_000]), 5).to_list() == ["C00001", "C99999", "C100000"]
