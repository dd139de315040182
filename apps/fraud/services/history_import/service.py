"""A foreign history into a feature matrix: checked and ordered, replayed, and moved into place when it is whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from django.utils.translation import gettext_noop

from apps.fraud.services.feature_matrix import MatrixWriter
from apps.fraud.services.history_import.files import open_history
from apps.fraud.services.history_import.mapping import HistoryMap
from apps.fraud.services.history_import.prepare import Prepared, Rejected, prepare
from apps.fraud.services.history_import.workers import Job, Pool, in_process
from kivendtout.lib.clock import moment_of
from kivendtout.lib.errors import InvalidInput

READING: Final = "reading"
REPLAYING: Final = "replaying"
# Starting processes takes a second or two, which a small file is done in.
WORTH_SHARING_BYTES: Final = 2_000_000
Progress = Callable[[str, float, int], None]
"""What is being done, the share of it that is done, rows so far."""


class NoRoom(InvalidInput):
    code = "no_room"
    message = gettext_noop("The disk is full. Make room, or write elsewhere, and start again; nothing half was kept.")


class NoFolder(InvalidInput):
    code = "no_folder"
    message = gettext_noop("There is no folder %(folder)s. Make it first.")


class NotWritable(InvalidInput):
    code = "not_writable"
    message = gettext_noop("%(path)s cannot be written or read. Check who it belongs to, or write elsewhere.")


@dataclass
class Imported:
    rows: int = 0
    computed: int = 0
    labelled: int = 0
    frauds: int = 0
    rejected: Rejected = field(default_factory=Rejected)
    first: datetime | None = None
    last: datetime | None = None


def history_import(
    *, path: Path, mapped: HistoryMap, out: Path | None, now: datetime, most_rejected: float = 0.01,
    work: Path | None = None, workers: int = 1, progress: Progress | None = None,
) -> Imported:  # fmt: skip
    say = progress or (lambda what, share, rows: None)
    for folder in filter(None, (out and out.parent, work)):
        if not folder.is_dir():
            raise NoFolder(folder=str(folder))
    with _room():
        file = open_history(path, mapped.csv.delimiter)
    beside = work or (out.parent if out else None)
    pool = Pool(workers if path.stat().st_size >= WORTH_SHARING_BYTES else 1)
    with _room(), TemporaryDirectory(prefix=".import-", dir=beside) as made, closing(pool):
        if pool.count > 1:
            pool.start()
        folder = Path(made)
        prepared = prepare(
            file=file, mapped=mapped, folder=folder, now=now, most_rejected=most_rejected,
            say=lambda share, rows: say(READING, share, rows),
        )  # fmt: skip
        job, done = Job(prepared.paths, prepared.left_out, mapped, folder), _begun(prepared)
        tables = pool.tables(job) if pool.count > 1 else in_process(job)
        with _whole(out or folder / "matrix") as making:
            _write(tables, making, prepared.kept, done, say)
    return done


def _begun(prepared: Prepared) -> Imported:
    first, last = (None if at is None else moment_of(at) for at in (prepared.first, prepared.last))
    return Imported(rows=prepared.rows, rejected=prepared.rejected, first=first, last=last)


def _write(tables: Iterator[pa.Table], making: Path, kept: int, done: Imported, say: Progress) -> None:
    with MatrixWriter(making) as writer:
        for table in tables:
            writer.write_table(table)
            truth = table["is_fraud"]
            done.computed += len(table)
            done.labelled += len(table) - truth.null_count
            done.frauds += pc.sum(truth).as_py() or 0
            say(REPLAYING, done.computed / max(kept, 1), done.computed)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Made beside, private, and moved into place: whoever reads sees the whole of it, or what was there before."""
    making = path.with_name(f".{path.name}.{os.getpid()}.making")
    try:
        os.close(os.open(making, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield making
        making.replace(path)
    finally:
        making.unlink(missing_ok=True)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC or "No space left" in str(error):
            raise NoRoom from None
        if isinstance(error, PermissionError | IsADirectoryError):
            raise NotWritable(path=str(error.filename)) from None
        raise
