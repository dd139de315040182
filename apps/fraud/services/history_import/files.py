"""The file of a history, read in chunks. A line that is no row comes back as a fault, with its number."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import polars as pl
import pyarrow.parquet as pq
from django.utils.translation import gettext_noop

from kivendtout.lib.errors import InvalidInput

KINDS: Final = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet"}
PARQUET_MAGIC: Final = b"PAR1"
# A field longer than this is an unclosed quote that swallows the rest of the file.
csv.field_size_limit(131_072)


class BadHistory(InvalidInput):
    code = "bad_history"
    message = gettext_noop("The file cannot be read as a history of payments. Give a CSV or Parquet file.")


class Fault(NamedTuple):
    line: int
    reason: str
    """A short name to count by."""
    sentence: str


@dataclass
class Chunk:
    frame: pl.DataFrame
    """Has the column `line` beside those asked for: the line of a CSV file, the row of a Parquet file."""
    faults: list[Fault]


class HistoryFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.done = 0.0
        """Share of the file that has been read."""

    def columns(self) -> list[str]:
        raise NotImplementedError

    def chunks(self, size: int, names: list[str]) -> Iterator[Chunk]:
        raise NotImplementedError


def open_history(path: Path, delimiter: str) -> HistoryFile:
    if not path.is_file():
        raise BadHistory(f"There is no file {path}. Check its path.")
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise BadHistory(f"{path.name} is neither .csv nor .parquet. Convert it to one of them.")
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise BadHistory(f"{path.name} is empty. Give a file with a header and payments.")
    is_parquet = head.startswith(PARQUET_MAGIC)
    if is_parquet != (kind == "parquet"):
        found = "holds Parquet" if is_parquet else "does not hold Parquet"
        raise BadHistory(f"{path.name} {found}, whatever its name says. Rename it, or export it again.")
    if kind == "parquet":
        return _Parquet(path)
    # A NUL here and there is a fault of its line; many of them are another encoding, or no text at all.
    if head.count(0) * 20 > len(head) or head.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        raise BadHistory(f"{path.name} is not text: a CSV file in UTF-8 is needed. Unpack or export it again.")
    return _Csv(path, delimiter)


class _Csv(HistoryFile):
    def __init__(self, path: Path, delimiter: str) -> None:
        super().__init__(path)
        self.delimiter = delimiter
        self.size = max(path.stat().st_size, 1)

    def columns(self) -> list[str]:
        with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            try:
                return next(csv.reader(file, delimiter=self.delimiter), [])
            except csv.Error as error:
                raise BadHistory(f"The header of {self.path.name} is not CSV: {error}. Check its quotes.") from None

    def chunks(self, size: int, names: list[str]) -> Iterator[Chunk]:
        header = self.columns()
        places = [header.index(name) for name in names]
        with self.path.open("rb") as binary:
            # Bytes that are not UTF-8 become lone surrogates, which are looked for below.
            lines = (line.decode("utf-8", "surrogateescape") for line in binary)
            reader = csv.reader(lines, delimiter=self.delimiter)
            next(reader)
            while True:
                rows, numbers, faults, ended = _take(reader, len(header), size)
                if rows or faults:
                    self.done = _share(binary, self.size)
                    yield _chunk(rows, numbers, faults, names, places)
                if ended:
                    return


def _share(binary: BinaryIO, size: int) -> float:
    return min(binary.tell() / size, 1.0)


def _take(reader: csv._reader, width: int, size: int) -> tuple[list[list[str]], list[int], list[Fault], bool]:  # type: ignore[name-defined]  # no public name
    rows: list[list[str]] = []
    numbers: list[int] = []
    faults: list[Fault] = []
    while len(rows) + len(faults) < size:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return rows, numbers, faults, True
        except csv.Error as error:
            faults.append(Fault(line, "not_csv", f"The line is not CSV: {error}. Check its quotes."))
            continue
        if len(row) == width:
            rows.append(row)
            numbers.append(line)
        elif row:
            faults.append(Fault(line, "wrong_width", f"The line has {len(row)} fields and the header has {width}."))
    return rows, numbers, faults, False


def _chunk(
    rows: list[list[str]], numbers: list[int], faults: list[Fault], names: list[str], places: list[int]
) -> Chunk:
    columns = list(zip(*rows, strict=True))
    told = [columns[place] if columns else () for place in places]
    try:
        for values in told:
            "".join(values).encode()
    except UnicodeEncodeError:
        keep = [n for n, row in enumerate(rows) if _is_text(row)]
        kept = set(keep)
        faults += [
            Fault(line, "not_utf8", "The line is not UTF-8. Export it again in that encoding.")
            for n, line in enumerate(numbers)
            if n not in kept
        ]
        return _chunk([rows[n] for n in keep], [numbers[n] for n in keep], faults, names, places)
    frame = pl.DataFrame(
        {"line": pl.Series(numbers, dtype=pl.Int64)}
        | {name: pl.Series(values, dtype=pl.String) for name, values in zip(names, told, strict=True)}
    )
    return Chunk(frame, faults)


def _is_text(row: list[str]) -> bool:
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return False
    return True


class _Parquet(HistoryFile):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self.file = pq.ParquetFile(path)
        except Exception as error:  # pyarrow has no class of its own for each way a file is broken
            raise BadHistory(f"{path.name} is not a Parquet file that can be read: {error}.") from None

    def columns(self) -> list[str]:
        return list(self.file.schema_arrow.names)

    def chunks(self, size: int, names: list[str]) -> Iterator[Chunk]:
        row, total = 0, max(self.file.metadata.num_rows, 1)
        try:
            for batch in self.file.iter_batches(batch_size=size, columns=names):
                frame = pl.DataFrame(batch).select(names)
                lines = pl.Series("line", range(row + 1, row + 1 + len(frame)), dtype=pl.Int64)
                row += len(frame)
                self.done = row / total
                yield Chunk(frame.insert_column(0, lines), [])
        except (OSError, pl.exceptions.PolarsError) as error:
            raise BadHistory(f"{self.path.name} breaks off or is damaged near row {row + 1:,}: {error}.") from None
