"""The handbook's protocol from its file to its figures: replayed through the features that score live, then run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.scorers.handbook import (
    CHOICE,
    FLOORS,
    WEEKS,
    Mean,
    Measured,
    first_test_day,
    mean_of,
    week_measured,
)
from apps.fraud.scorers.handbook_choice import Choice, choice_made
from apps.fraud.scorers.handbook_fit import Settings, fitter, used_of
from apps.fraud.scorers.training.reading import MatrixFile
from apps.fraud.scorers.training.rows import Rows
from apps.fraud.services.history_import import mapping
from apps.fraud.services.history_import.service import history_import
from kivendtout.lib.clock import event_time

MAP: Final = Path(mapping.__file__).with_name("maps") / "handbook.toml"
Say = Callable[[str], None]


class Protocol(Struct, frozen=True, kw_only=True):
    weeks: tuple[Measured, ...]
    mean: Mean
    floors: dict[str, float]
    reached: dict[str, bool]
    settings: Settings
    features: tuple[str, ...]
    chosen_on: tuple[str, ...]
    """First days of training of the weeks on which settings were chosen, now or when this was written."""
    choices: tuple[Choice, ...] = ()


def handbook_run(
    *, path: Path, matrix: Path, now: datetime, select: bool = False, threads: int = 2, progress: Say
) -> Protocol:
    """`matrix`: where the features go that are made of the handbook's file, if `path` is that."""
    rows = handbook_rows(_matrix(path, matrix, now, progress))
    choices = tuple(choice_made(rows, threads=threads, progress=progress)) if select else ()
    settings = choices[0].settings if choices else Settings()
    fit = fitter(rows, settings, threads=threads)
    weeks = []
    for start in WEEKS:
        weeks.append(week_measured(rows, start, fit))
        progress(f"trained from {start}, tested from {first_test_day(start)}")
    mean = mean_of(weeks)
    return Protocol(
        weeks=tuple(weeks),
        mean=mean,
        floors=dict(FLOORS),
        reached=mean.reached(),
        settings=settings,
        features=used_of(rows, settings),
        chosen_on=tuple(day.isoformat() for day in CHOICE),
        choices=choices,
    )


def handbook_rows(matrix: Path) -> Rows:
    """Which features say anything is asked of the payments before the first test alone."""
    file = MatrixFile(matrix, CATALOGUE)
    before = int(np.searchsorted(file.at, _moment(first_test_day(WEEKS[0]))))
    return file.rows(file.features(()), slice(0, before))


def _matrix(path: Path, matrix: Path, now: datetime, progress: Say) -> Path:
    if _is_matrix(path):
        return path
    said = 0.0

    def say(what: str, share: float, rows: int) -> None:
        nonlocal said
        if share >= said + 0.1 or share < said:
            said = share
            progress(f"{what}: {share:.0%}, {rows:,} payments")

    history_import(path=path, mapped=mapping.read_map(MAP), out=matrix, now=now, progress=say)
    return matrix


def _is_matrix(path: Path) -> bool:
    """Told by a column that only ours has. What cannot be read is left to the import, which says why."""
    try:
        return "label_known_at" in pq.read_schema(path).names
    except (OSError, pa.ArrowException):
        return False


def _moment(day: date) -> int:
    return event_time(datetime(day.year, day.month, day.day, tzinfo=UTC))
