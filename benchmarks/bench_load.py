"""How fast `load_dataset` is: a generated set into a database made for it and dropped afterwards, then once more."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from apps.payments.dataset import DatasetOptions, generate
from apps.payments.ingestion.load import Report, load_dataset
from apps.payments.ingestion.progress import Progress
from kivendtout.lib.clock import now

NAME = "kivendtout_bench_load"
# Some 150,000 rows beside half a million events: long enough to be past the start, short enough for every run.
CUSTOMERS = 10_000


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="kvt-bench-load-") as work, _database():
        folder = Path(work) / "set"
        generate(DatasetOptions(out=folder, customers=CUSTOMERS), progress=lambda _line: None)
        events = folder / "events.jsonl"
        aside = events.rename(Path(work) / events.name)
        tables = _load(folder, work)
        again = _load(folder, work)
        aside.rename(events)
        whole = _load(folder, work, tenant="with-events")
    seconds = whole.seconds - tables.seconds
    return {
        "without_events": _told(tables),
        "a_second_time": _told(again),
        "events": {
            "rows": whole.tables["events"].rows,
            "rows_per_second": round(whole.tables["events"].rows / max(seconds, 0.01)),
        },
    }


def _load(folder: Path, work: str, tenant: str = "bench") -> Report:
    progress = Progress(sys.stderr)
    rejects = Path(work) / "rejects.csv"
    return load_dataset(folder, tenant_slug=tenant, rejects=rejects, now=now(), progress=progress)


def _told(report: Report) -> dict[str, Any]:
    said = report.as_dict()
    return {name: said[name] for name in ("rows", "seconds", "rows_per_second")}


@contextmanager
def _database() -> Iterator[None]:
    original = settings.DATABASES["default"]["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")
        cursor.execute(f"CREATE DATABASE {NAME}")
    _use(NAME)
    try:
        call_command("migrate", verbosity=0)
        yield
    finally:
        _use(original)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {NAME}")


def _use(name: str) -> None:
    connections["default"].close()
    settings.DATABASES["default"]["NAME"] = name
    connections["default"].settings_dict["NAME"] = name
