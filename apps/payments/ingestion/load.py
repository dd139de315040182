"""Loading an export: each file once, chunk by chunk; a chunk is read and checked while the one before is merged."""

from __future__ import annotations

import bisect
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import DataError, IntegrityError, transaction

from apps.compliance.models import AuditEntry, Tenant
from apps.payments.ingestion.columns import check_columns
from apps.payments.ingestion.progress import Progress
from apps.payments.ingestion.registry import all_tables
from apps.payments.ingestion.rejects import RejectsFile
from apps.payments.ingestion.source import BadDataset, Chunk, Source, find_source
from apps.payments.ingestion.staging import Merged, Run
from apps.payments.ingestion.table import Table
from kivendtout.lib.trace import current_trace_id

# Large enough that a statement's fixed cost vanishes, small enough to hold a few in memory and to see progress.
BATCH = 20_000
NAMES = {"kivendtout": "KiVendTout"}


@dataclass
class Counts:
    rows: int = 0
    loaded: int = 0
    rejected: int = 0

    def as_dict(self) -> dict[str, int]:
        already = self.rows - self.loaded - self.rejected
        return {"rows": self.rows, "loaded": self.loaded, "already": already, "rejected": self.rejected}


@dataclass
class Report:
    tables: dict[str, Counts] = field(default_factory=dict)
    seconds: float = 0.0
    rejects: str = ""

    @property
    def rows(self) -> int:
        return sum(counts.rows for counts in self.tables.values())

    def as_dict(self) -> dict[str, Any]:
        return {
            "tables": {name: counts.as_dict() for name, counts in self.tables.items()},
            "rows": self.rows,
            "seconds": round(self.seconds, 2),
            "rows_per_second": round(self.rows / max(self.seconds, 1e-6)),
            "rejects_file": self.rejects or None,
        }


@dataclass
class Ready:
    """A chunk that waits for its turn in the database."""

    chunk: Chunk
    good: pl.DataFrame
    faults: list[tuple[int, str]]
    done: float


def load_dataset(
    folder: Path, *, tenant_slug: str, rejects: Path, now: datetime, progress: Progress, batch: int = BATCH
) -> Report:
    sources = find_sources(folder)
    tenant = tenant_named(tenant_slug)
    run = Run(tenant.pk, "load", now)
    report, begun = Report(), time.monotonic()
    with RejectsFile(rejects) as left_out:
        for table, source in sources:
            report.tables[table.name] = _load_table(run, table, source, left_out, progress, batch)
        for table, source in sources:
            _finish(run, table, source, report.tables[table.name], left_out)
        report.rejects = str(rejects) if left_out.count else ""
    report.seconds = time.monotonic() - begun
    for table, _source in sources:
        _audit(run, table, report.tables[table.name], folder)
    return report


def find_sources(folder: Path) -> list[tuple[Table, Source]]:
    """What is there to load, or a sentence about all that is missing before anything is touched."""
    if not folder.is_dir():
        raise BadDataset(f"{folder} is not a folder. Give the folder that holds customers.csv and the other files.")
    tables = all_tables()
    found = [(table, find_source(folder, table.name)) for table in tables]
    missing = [f"{table.name}.csv" for table, source in found if source is None and table.required]
    if missing:
        names = ", ".join(missing)
        raise BadDataset(f"{folder} lacks {names} (or the same as .parquet). Nothing was loaded.")
    present = [(table, source) for table, source in found if source is not None]
    for table, source in present:
        _check_header(table, source)
    return present


def _check_header(table: Table, source: Source) -> None:
    columns = source.columns()
    # JSON lines may leave out what is null, so only what each row needs is asked for.
    lines = source.path.suffix == ".jsonl"
    optional = {column.name for column in table.columns if column.later or (column.optional and lines)}
    missing = [c.name for c in table.columns if c.name not in columns and c.name not in optional]
    if missing:
        kind = "column" if len(missing) == 1 else "columns"
        raise BadDataset(f"{source.path.name} lacks the {kind} {', '.join(missing)}. Nothing was loaded.")
    if len(set(columns)) < len(columns):
        raise BadDataset(f"{source.path.name} names a column twice. Nothing was loaded.")


def tenant_named(slug: str) -> Tenant:
    tenant, _created = Tenant.objects.get_or_create(slug=slug, defaults={"name": NAMES.get(slug, slug.title())})
    return tenant


def _load_table(
    run: Run, table: Table, source: Source, left_out: RejectsFile, progress: Progress, batch: int
) -> Counts:
    counts = Counts()
    progress.begin(table.name)
    for ready in _ahead(_chunks(table, source, run.now, batch)):
        merged = _merge(run, table, ready.good) if len(ready.good) else Merged()
        faults = sorted(ready.faults + merged.faults)
        counts.rows += ready.chunk.rows
        counts.loaded += merged.loaded
        counts.rejected += len(faults) + len(ready.chunk.broken)
        _reject(source, ready.chunk, faults, left_out)
        progress.move(ready.done, counts.rows)
    progress.end(counts.rows)
    return counts


def _ahead(chunks: Iterator[Ready]) -> Iterator[Ready]:
    """The next chunk is made in a thread while the caller waits for PostgreSQL with this one."""
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, chunks, None)
        while (ready := following.result()) is not None:
            following = thread.submit(next, chunks, None)
            yield ready


def _chunks(table: Table, source: Source, now: datetime, batch: int) -> Iterator[Ready]:
    names = [column.name for column in table.columns]
    for chunk in source.chunks(batch, names):
        checked, fault = check_columns(chunk.frame, table.columns, now)
        checked = checked.insert_column(0, pl.Series("n", chunk.lines, dtype=pl.Int64)).with_columns(
            fault.alias("fault")
        )
        if table.judge:
            checked = table.judge(checked)
        bad = checked.filter(pl.col("fault").is_not_null())
        good = checked.filter(pl.col("fault").is_null()).drop("fault")
        if table.prepare:
            good = table.prepare(good)
        yield Ready(chunk, good, list(zip(bad["n"], bad["fault"], strict=True)), source.done)


def _merge(run: Run, table: Table, good: pl.DataFrame) -> Merged:
    if table.before:
        table.before(run, good)
    try:
        with transaction.atomic():
            return table.load(run, good)
    except (DataError, IntegrityError) as error:
        # The checks let through what the database does not take. Halve until the row is found; keep the others.
        if len(good) == 1:
            return Merged(faults=[(good["n"][0], f"The database refused the row ({type(error.__cause__).__name__}).")])
        half = len(good) // 2
        first, second = _merge(run, table, good[:half]), _merge(run, table, good[half:])
        return Merged(first.loaded + second.loaded, first.faults + second.faults)


def _reject(source: Source, chunk: Chunk, faults: list[tuple[int, str]], left_out: RejectsFile) -> None:
    file = source.path.name
    for line, values, reason in chunk.broken:
        left_out.add(file, line, reason, values)
    for line, reason in faults:
        place = bisect.bisect_left(chunk.lines, line)
        left_out.add(file, line, reason, chunk.frame.row(place))


def _finish(run: Run, table: Table, source: Source, counts: Counts, left_out: RejectsFile) -> None:
    if table.finish is None:
        return
    with transaction.atomic():
        finished = table.finish(run)
    counts.loaded += finished.loaded
    counts.rejected += len(finished.rejects)
    for line, values, reason in finished.rejects:
        left_out.add(source.path.name, line, reason, values)


def _audit(run: Run, table: Table, counts: Counts, folder: Path) -> None:
    """One entry a file and load: an entry a row would say the same thing a million times."""
    if not table.model:
        return
    model = apps.get_model(table.model)
    AuditEntry.objects.create(
        content_type=ContentType.objects.get_for_model(model),
        object_pk="",
        object_repr=f"load_dataset: {table.name}",
        action=AuditEntry.Action.CREATE,
        cid=current_trace_id() or "",
        tenant_id=run.tenant_id,
        additional_data={"command": "load_dataset", "folder": folder.name, **counts.as_dict()},
    )


def default_tenant() -> str:
    return str(settings.DEMO_TENANT)
