"""An export's files, read in chunks of texts: CSV, Parquet or JSON lines, whichever the folder holds.

A row that cannot even be read as a row (too few fields, not UTF-8, not JSON) comes back as broken, with its line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import polars as pl
import pyarrow.parquet as pq

from kivendtout.lib.errors import InvalidInput

SUFFIXES = (".csv", ".jsonl", ".parquet")
# A field longer than this is an unclosed quote that swallows the rest of the file.
csv.field_size_limit(131_072)


class BadDataset(InvalidInput):
    code = "bad_dataset"
    message = "The folder does not hold a data set that can be loaded."


@dataclass
class Chunk:
    """Rows as texts. `lines` says where in the file each one stands: its line, or its row in a Parquet file."""

    frame: pl.DataFrame
    lines: list[int]
    broken: list[tuple[int, list[str], str]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.lines) + len(self.broken)


class Source:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = max(path.stat().st_size, 1)
        self.done = 0.0  # share of the file that has been read

    def columns(self) -> list[str]:
        raise NotImplementedError

    def chunks(self, size: int, names: list[str]) -> Iterator[Chunk]:
        raise NotImplementedError


def find_source(folder: Path, table: str) -> Source | None:
    for suffix in SUFFIXES:
        path = folder / f"{table}{suffix}"
        if path.is_file():
            return READERS[suffix](path)
    return None


class CsvSource(Source):
    def columns(self) -> list[str]:
        with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return next(csv.reader(file), [])

    def chunks(self, size: int, names: list[str]) -> Iterator[Chunk]:
        with self.path.open("rb") as binary:
            rows = _CsvRows(binary, names)
            while chunk := rows.take(size):
                self.done = min(binary.tell() / self.size, 1.0)
                yield chunk


class _CsvRows:
    def __init__(self, binary: BinaryIO, names: list[str]) -> None:
        # Bytes that are not UTF-8 become lone surrogates, which the check below finds.
        lines = (line.decode("utf-8", "surrogateescape") for line in binary)
        self.reader = csv.reader(lines)
        header = [name.removeprefix("\ufeff") for name in next(self.reader, [])]
        self.names, self.width = names, len(header)
        self.places = [header.index(name) if name in header else None for name in names]
        self.ended = False

    def take(self, size: int) -> Chunk | None:
        good: list[list[str]] = []
        lines: list[int] = []
        broken: list[tuple[int, list[str], str]] = []
        reader, width = self.reader, self.width
        while not self.ended and len(good) + len(broken) < size:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                self.ended = True
            except csv.Error as error:
                broken.append((line, [], f"The line is not CSV: {error}. Check its quotes."))
            else:
                if len(row) == width:
                    good.append(row)
                    lines.append(line)
                elif row:
                    broken.append((line, row, f"The line has {len(row)} fields and the header has {width}."))
        good, lines = _without_bytes(good, lines, broken)
        return Chunk(self._frame(good), lines, broken) if good or broken else None

    def _frame(self, rows: list[list[str]]) -> pl.DataFrame:
        columns = list(zip(*rows, strict=True)) if rows else [()] * self.width
        empty = [""] * len(rows)
        found = {n: columns[p] if p is not None else empty for n, p in zip(self.names, self.places, strict=True)}
        return pl.DataFrame({name: pl.Series(values, dtype=pl.String) for name, values in found.items()})


def _without_bytes(
    rows: list[list[str]], lines: list[int], broken: list[tuple[int, list[str], str]]
) -> tuple[list[list[str]], list[int]]:
    try:
        "".join(map("".join, rows)).encode()
    except UnicodeEncodeError:
        pass
    else:
        return rows, lines
    kept: list[list[str]] = []
    kept_lines: list[int] = []
    for row, line in zip(rows, lines, strict=True):
        clean = [value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for value in row]
        if clean == row:
            kept.append(row)
            kept_lines.append(line)
        else:
            broken.append((line, clean, "The line is not UTF-8. Export it again in that encoding."))
    return kept, kept_lines


class ParquetSource(Source):
    def columns(self) -> list[str]:
        return list(self._open().schema_arrow.names)

    def _open(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.path)
        except Exception as error:
            raise BadDataset(f"{self.path.name} is not a Parquet file that can be read: {error}.") from error

    def chunks(self, size: int, names: list[str]) -> Iterator[Chunk]:
        file = self._open()
        present = [name for name in names if name in file.schema_arrow.names]
        row = 0
        for batch in file.iter_batches(batch_size=size, columns=present):
            frame = pl.DataFrame(batch)
            # Typed columns become the texts that a CSV file would hold, so that one check serves both.
            texts = frame.select(pl.col(present).cast(pl.String, strict=False))
            missing = [pl.lit(None, dtype=pl.String).alias(name) for name in names if name not in present]
            lines = list(range(row + 1, row + 1 + len(frame)))
            row += len(frame)
            self.done = row / max(file.metadata.num_rows, 1)
            yield Chunk(texts.with_columns(missing).select(names), lines)


class JsonLinesSource(Source):
    def columns(self) -> list[str]:
        """Those of the first object: a line may leave out what is null."""
        with self.path.open("rb") as file:
            first = file.readline()
        try:
            found = msgspec.json.decode(first, type=dict[str, Any]) if first.strip() else {}
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BadDataset(f"{self.path.name} does not hold one JSON object a line.") from None
        return list(found)

    def chunks(self, size: int, names: list[str]) -> Iterator[Chunk]:
        decode = msgspec.json.Decoder(dict[str, str | int | float | bool | None]).decode
        with self.path.open("rb") as file:
            number = 0
            while True:
                good: list[dict[str, Any]] = []
                lines: list[int] = []
                broken: list[tuple[int, list[str], str]] = []
                for raw in file:
                    number += 1
                    try:
                        good.append(decode(raw))
                        lines.append(number)
                    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                        if raw.strip():
                            broken.append((number, [raw.decode("utf-8", "replace")[:2000]], f"Not a row: {error}."))
                    if len(good) + len(broken) >= size:
                        break
                if not good and not broken:
                    return
                self.done = min(file.tell() / self.size, 1.0)
                yield Chunk(_texts(good, names), lines, broken)


def _texts(rows: list[dict[str, Any]], names: list[str]) -> pl.DataFrame:
    columns = {name: [row.get(name) for row in rows] for name in names}
    return pl.DataFrame({name: pl.Series(map(_text, values), dtype=pl.String) for name, values in columns.items()})


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    return str(int(value)) if type(value) is bool else str(value)


READERS: dict[str, type[Source]] = {".csv": CsvSource, ".parquet": ParquetSource, ".jsonl": JsonLinesSource}
