from __future__ import annotations

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.compliance.models import Tenant

Load = Callable[..., dict[str, Any]]


@pytest.fixture
def load(tenant: Tenant, tmp_path: Path) -> Load:
    def run(folder: Path, *options: str) -> dict[str, Any]:
        out = StringIO()
        call_command(
            "load_dataset", str(folder), "--json", "--rejects", str(tmp_path / "rejects.csv"), *options,
            verbosity=0, stdout=out,
        )  # fmt: skip
        report: dict[str, Any] = json.loads(out.getvalue())
        for counts in report["tables"].values():
            assert counts["loaded"] + counts["already"] + counts["rejected"] == counts["rows"]
        return report

    return run


@pytest.fixture
def rejects(tmp_path: Path) -> Callable[[], list[dict[str, str]]]:
    def read() -> list[dict[str, str]]:
        with (tmp_path / "rejects.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return read


def counts_of(report: dict[str, Any], name: str) -> tuple[int, int, int]:
    table = report["tables"][name]
    return table["loaded"], table["already"], table["rejected"]
