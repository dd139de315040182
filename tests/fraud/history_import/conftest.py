"""Small foreign files, and the plain way to their rows: one payment after another through the memory that scores."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from apps.fraud.services.history_import.mapping import read_map
from apps.fraud.services.history_import.service import Imported, history_import

NOW = datetime(2040, 1, 1, tzinfo=UTC)
MAP = """
[columns]
payment_id = "id"
customer = "who"
merchant = "shop"
amount = "euros"
at = "when"
is_fraud = "bad"

[constants]
currency = "EUR"

[label]
delay = "7 days"
"""
ROWS = """id,who,shop,euros,when,bad
p1,ann,m1,20.00,2026-01-01 10:00:00,0
p2,bob,m1,5.50,2026-01-01 11:00:00,1
p3,ann,m2,30.00,2026-01-02 09:00:00,
p4,bob,m1,7.25,2026-01-08 11:00:00,0
p5,bob,m1,8.00,2026-01-08 11:00:01,0
"""


class Desk:
    """Imports texts: a file, a map, and the matrix that came of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "matrix.parquet"

    def write(self, text: str | bytes, name: str = "payments.csv") -> Path:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def import_file(self, path: Path, map_text: str = MAP, map_name: str = "map.toml", **options: Any) -> Imported:
        values: dict[str, Any] = {"out": self.out, "now": NOW, "most_rejected": 0.0} | options
        return history_import(path=path, mapped=read_map(self.write(map_text, map_name)), **values)

    def import_text(self, text: str | bytes, map_text: str = MAP, **options: Any) -> Imported:
        return self.import_file(self.write(text), map_text, **options)

    def matrix(self) -> pl.DataFrame:
        return pl.read_parquet(self.out)

    def column(self, name: str) -> dict[str, Any]:
        return dict(self.matrix().select("payment_id", name).iter_rows())

    def left_over(self) -> list[str]:
        """Whatever an import left beside what it was asked for."""
        return sorted(path.name for path in self.folder.iterdir() if path.name.startswith("."))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
