"""An export's rows in order of time, across files and in bounded memory.

Each file is cut into sorted runs on disk, which are then merged; a file that fits one run is read back as it is.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from apps.payments.ingestion.columns import check_columns
from apps.payments.ingestion.registry import all_tables
from apps.payments.ingestion.source import BadDataset, Source, find_source
from apps.payments.ingestion.table import Table
from apps.payments.ingestion.tables.details import device_kind

# Rows a run: some 100 MB while it is sorted.
RUN_ROWS = 200_000
# Rows of all the runs that are in memory at once while they are merged.
OPEN_ROWS = 100_000

# A provider answers within seconds; the shop writes its order once it has been paid.
RESULT_AFTER = 3_000_000
ORDER_AFTER = 4_000_000

SESSION, EVENT, ATTEMPT, RESULT, ORDER = range(5)
# Time in microseconds, kind, number (so that rows are never compared), row.
Item = tuple[int, int, int, dict[str, Any]]


@dataclass
class Runs:
    """One file's sorted runs."""

    paths: list[Path] = field(default_factory=list)
    rows: int = 0
    skipped: int = 0

    def items(self, kind: int, later: int = 0) -> Iterator[Item]:
        size = max(OPEN_ROWS // max(len(self.paths), 1), 100)
        return heapq.merge(*(_run_items(path, kind, later, size) for path in self.paths))


def _run_items(path: Path, kind: int, later: int, size: int) -> Iterator[Item]:
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        number = 0
        for index in range(file.num_record_batches):
            frame = pl.DataFrame(file.get_batch(index))
            for start in range(0, len(frame), size):
                for row in frame[start : start + size].iter_rows(named=True):
                    number += 1
                    yield row["at"] + later, kind, number, row


@dataclass
class Timeline:
    sessions: Runs
    events: Runs
    payments: Runs
    orders: Runs

    @property
    def skipped(self) -> int:
        return sum(runs.skipped for runs in (self.sessions, self.events, self.payments, self.orders))

    def items(self) -> Iterator[Item]:
        return heapq.merge(
            self.sessions.items(SESSION),
            self.events.items(EVENT),
            self.payments.items(ATTEMPT),
            self.payments.items(RESULT, RESULT_AFTER),
            self.orders.items(ORDER, ORDER_AFTER),
        )


def prepare_timeline(folder: Path, work: Path, now: datetime, say: Callable[[str], None]) -> Timeline:
    tables = {table.name: table for table in all_tables()}
    if find_source(folder, "payments") is None:
        raise BadDataset(f"{folder} lacks payments.csv (or payments.parquet). Nothing was sent.")

    def sort(name: str, time: str, more: Callable[[pl.DataFrame], pl.DataFrame] | None = None) -> Runs:
        source = find_source(folder, name)
        if source is None:
            return Runs()
        say(f"Sorting {source.path.name} by time …")
        return _sorted_runs(source, tables[name], time, work, now, more)

    payments = sort("payments", "attempt_ts", Details(folder, tables["payment_details"], now).join)
    known = _ids(payments)
    return Timeline(
        sessions=sort("sessions", "start_ts"),
        events=sort("events", "ts", lambda frame: _without_payments(frame, known)),
        payments=payments,
        orders=sort("orders", "order_ts"),
    )


def _sorted_runs(
    source: Source,
    table: Table,
    time: str,
    work: Path,
    now: datetime,
    more: Callable[[pl.DataFrame], pl.DataFrame] | None,
) -> Runs:
    runs = Runs()
    names = [column.name for column in table.columns]
    if missing := set(names) - set(source.columns()) - {c.name for c in table.columns if c.optional}:
        raise BadDataset(f"{source.path.name} lacks {', '.join(sorted(missing))}. Nothing was sent.")
    for chunk in source.chunks(RUN_ROWS, names):
        checked, fault = check_columns(chunk.frame, table.columns, now)
        frame = checked.with_columns(at=pl.col(time).dt.epoch("us"))
        frame = more(frame) if more else frame
        kept = frame.filter(fault.is_null()).drop(time)
        runs.skipped += chunk.rows - len(kept)
        path = work / f"{table.name}-{len(runs.paths)}.arrow"
        _write(kept.sort("at", maintain_order=True), path)
        runs.paths.append(path)
        runs.rows += len(kept)
    return runs


def _write(frame: pl.DataFrame, path: Path) -> None:
    table = frame.to_arrow()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=5_000)


class Details:
    """What payment_details.csv tells of the payments, whose rows stand in the same order in a generated set.

    Where they do not, the file is read whole and looked up: the one case in which memory grows with the data.
    """

    columns = (
        "merchant_id",
        "last4",
        "card_fingerprint",
        "issuer_country",
        "currency",
        "device_kind",
        "os",
        "browser",
        "failure_code",
        "ip_country",
        "billing_country",
        "cart_at",
        "basket_size",
        "adult_restricted",
    )

    def __init__(self, folder: Path, table: Table, now: datetime) -> None:
        self.source = find_source(folder, "payment_details")
        self.table, self.now = table, now
        self.chunks = self._frames()
        self.whole: pl.DataFrame | None = None

    def _frames(self) -> Iterator[pl.DataFrame]:
        if self.source is None:
            return
        for chunk in self.source.chunks(RUN_ROWS, [column.name for column in self.table.columns]):
            yield self._typed(chunk.frame)

    def _typed(self, raw: pl.DataFrame) -> pl.DataFrame:
        checked, _fault = check_columns(raw, self.table.columns, self.now)
        kind = device_kind(pl.col("device_kind"), pl.col("os"), pl.col("browser"))
        return checked.with_columns(kind.alias("device_kind"), pl.col("cart_at").dt.epoch("us"))

    def join(self, payments: pl.DataFrame) -> pl.DataFrame:
        if self.source is None:
            nothing = [pl.lit(None, dtype=pl.String).alias(name) for name in self.columns]
            return payments.with_columns(nothing)
        if self.whole is None:
            following = next(self.chunks, None)
            if following is not None and following["payment_id"].equals(payments["payment_id"], null_equal=True):
                return payments.hstack(following.drop("payment_id"))
            self.whole = pl.concat(Details(self.source.path.parent, self.table, self.now)._frames())
            self.whole = self.whole.unique("payment_id", keep="first", maintain_order=True)
        return payments.join(self.whole, on="payment_id", how="left", maintain_order="left")


def _ids(payments: Runs) -> pl.Series:
    """Eight bytes a payment, whatever its id: a hundred million fit in memory."""
    found = []
    for path in payments.paths:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
            found.append(pl.DataFrame(file.read_all())["payment_id"].hash())
    return pl.concat(found).unique() if found else pl.Series(dtype=pl.UInt64)


def _without_payments(events: pl.DataFrame, known: pl.Series) -> pl.DataFrame:
    """A payment's own events are told by the payments topic; those of payments that the file lacks stay behaviour."""
    told = pl.col("event_type").str.starts_with("payment_") & pl.col("payment_id").hash().is_in(known.implode())
    return events.with_columns(told=told.fill_null(False))
