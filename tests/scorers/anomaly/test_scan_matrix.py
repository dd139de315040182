"""Trying the detector on a file of feature rows: it counts what is known of what it found, and stores nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import call_command

from apps.fraud.scorers.anomaly.payments import NAMES
from apps.fraud.services.feature_matrix import SCHEMA
from tests.conftest import NOON
from tests.scorers.anomaly.people import columns_of, payments

COUNT, DAYS = 600, 6


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = payments(COUNT)
    for place in (200, 500, 501):
        rows[place] |= {"amount_eur": 4_950.0, "amount_ratio": 61.0, "payment_country": "NG", "hour": 3}
    columns: dict[str, list[Any]] = {name: list(values) for name, values in columns_of(rows).items()}
    columns["payment_id"] = [f"P{place}" for place in range(COUNT)]
    columns["customer"] = ["C9" if place in (500, 501) else f"C{place}" for place in range(COUNT)]
    columns["at"] = [NOON + timedelta(days=DAYS) * place / COUNT for place in range(COUNT)]
    columns["is_fraud"] = [place in (200, 500) or None for place in range(COUNT)]
    path = tmp_path_factory.mktemp("matrix") / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def tried(path: Path, *options: str) -> dict[str, Any]:
    out = StringIO()
    call_command("scan_payments", "--matrix", str(path), "--json", *options, stdout=out)
    said: dict[str, Any] = json.loads(out.getvalue())
    return said


def test_it_says_how_many_of_the_oddest_are_known_as_frauds(matrix: Path) -> None:
    said = tried(matrix, "--a-day", "2")
    assert (said["rows"], said["frauds"]) == (COUNT, 2)
    assert said["odd"] <= 2 * said["days"]
    assert said["odd_frauds"] >= 1  # of the two of one customer's day only the odder one is told
    assert {"P200"} < {one["payment"] for one in said["examples"]}
    assert any("4,950" in sentence for sentence in said["examples"][0]["fields"])


def test_it_says_the_same_again(matrix: Path) -> None:
    assert tried(matrix) == tried(matrix)


def test_the_files_columns_are_those_of_the_export() -> None:
    assert set(NAMES) <= set(SCHEMA.names)
