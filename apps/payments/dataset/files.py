"""The files on disk: written beside the target, moved into place when all of them are whole."""

import base64
import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import polars as pl
import pyarrow.parquet as pq

from apps.payments.dataset import schema
from apps.payments.dataset.options import DatasetError, DatasetOptions

GENERATOR: Final = "kivendtout-dataset"
# Measured on CSV and JSON lines at the default period, rounded up; refuses before hours of work.
_BYTES_PER_CUSTOMER_DAY: Final = 260
_READ_SIZE: Final = 1 << 20


class Sink(Protocol):
    def append(self, content: bytes) -> None: ...
    def close(self) -> None: ...
    def digest(self) -> str: ...


class TextSink:
    """Hashed on the way: reading a large file again would cost as long as writing it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._hash = hashlib.sha256()

    def append(self, content: bytes) -> None:
        self._file.write(content)
        self._hash.update(content)

    def close(self) -> None:
        self._file.close()

    def digest(self) -> str:
        return _base64(self._hash.digest())


class ParquetSink:
    """One row group a block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def append(self, content: bytes) -> None:
        table = pl.read_ipc_stream(content).to_arrow()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd")
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def digest(self) -> str:
        return digest(self._path)


@contextlib.contextmanager
def sinks(folder: Path, file_format: str) -> Iterator[dict[str, Sink]]:
    opened: dict[str, Sink] = {}
    try:
        for table in schema.COLUMNS:
            path = folder / schema.file_name(table, file_format)
            opened[table] = ParquetSink(path) if file_format == "parquet" else TextSink(path)
        yield opened
    finally:
        with contextlib.ExitStack() as stack:
            for sink in opened.values():
                stack.callback(sink.close)


def digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_READ_SIZE):
            total.update(chunk)
    return _base64(total.digest())


def _base64(checksum: bytes) -> str:
    """Not hexadecimal, which can hold a run of digits that looks like a card number."""
    return base64.b64encode(checksum).decode()


@contextlib.contextmanager
def staging(options: DatasetOptions) -> Iterator[Path]:
    """A folder beside the target; it becomes the target on success and vanishes on failure."""
    target = options.out.absolute()
    refuse_foreign(target)
    _refuse_small_disk(options, target)
    work = target.parent / f".{target.name}.partial-{os.getpid()}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        work.mkdir()
        yield work
        _move(work, target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DatasetError(f"Cannot write the data set to {target}: {reason}. Choose another --out.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def refuse_foreign(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise DatasetError(f"{target} is a file; give --out a directory.")
    try:
        names = sorted(entry.name for entry in target.iterdir()) if target.exists() else []
    except OSError as error:
        raise DatasetError(f"Cannot read {target}: {error.strerror}. Choose another --out.") from error
    if names and not _is_ours(target):
        raise DatasetError(
            f"{target} holds other files ({names[0]}, …) and is not a generated data set; choose an empty directory."
        )


def _is_ours(target: Path) -> bool:
    """A data set of ours and nothing else: replacing it loses nothing that cannot be made again."""
    known = {schema.MANIFEST} | {schema.file_name(t, f) for t in schema.COLUMNS for f in ("csv", "parquet")}
    try:
        manifest = json.loads((target / schema.MANIFEST).read_text())
    except (OSError, ValueError):
        return False
    foreign = {entry.name for entry in target.iterdir()} - known
    return isinstance(manifest, dict) and manifest.get("generator") == GENERATOR and not foreign


def _refuse_small_disk(options: DatasetOptions, target: Path) -> None:
    existing = next(folder for folder in target.parents if folder.exists())
    needed = options.customers * options.days * _BYTES_PER_CUSTOMER_DAY
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise DatasetError(
            f"The data set needs about {needed / 1e9:.1f} GB and {existing} has {free / 1e9:.1f} GB free; "
            "make room, choose another --out, or ask for fewer --customers."
        )


def _sweep(target: Path) -> None:
    """Remove what a killed run of ours left behind."""
    for left in target.parent.glob(f".{target.name}.partial-*"):
        owner = left.name.rpartition("-")[2]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(left, ignore_errors=True)


def _move(work: Path, target: Path) -> None:
    if not target.exists():
        work.rename(target)
        return
    old = target.parent / f".{target.name}.partial-{os.getpid()}-old"
    target.rename(old)
    try:
        work.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
