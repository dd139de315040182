"""The lock: complete on every supported Python, without addresses, and small for the web process."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kivendtout.devservices.home import ROOT
from kivendtout.devservices.wheels import pins_of

FILES = sorted((ROOT / "requirements").glob("*.txt"))


def test_the_lock_is_complete_and_base_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, "scripts/lock.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_pin_has_hashes_and_no_address(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "://" not in text
    entries = [e for e in text.replace("\\\n", " ").splitlines() if e.strip() and not e.lstrip().startswith("#")]
    assert entries
    for entry in entries:
        assert re.match(r"^[a-z0-9.\[\]-]+==\S+\s.*--hash=sha256:[0-9a-f]{64}", entry), entry[:60]


def test_the_web_process_carries_nothing_that_only_training_or_tests_need() -> None:
    base = (ROOT / "requirements" / "base.txt").read_text(encoding="utf-8")
    for heavy in (
        "polars",
        "pyarrow",
        "pandas",
        "scikit-learn",
        "mlflow-skinny",
        "evidently",
        "matplotlib",
        "pymongo",
        "pytest",
        "playwright",
        "mypy",
    ):
        assert f"\n{heavy}==" not in base


def test_one_pin_is_taken_out_with_its_hashes() -> None:
    text = "a==1 \\\n    --hash=sha256:00\nab==2 \\\n    --hash=sha256:11\n"
    assert pins_of(text, "a").split() == ["a==1", "--hash=sha256:00"]
