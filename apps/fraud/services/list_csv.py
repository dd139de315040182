"""A list's CSV file, line by line. Hostile or clumsy lines are told by number and sentence; they cost no other line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

from django.utils.translation import gettext_noop

from apps.fraud.engine.list_values import BadValue, canonical
from apps.fraud.services.lists import SENTENCES, InvalidListEntry, read_expiry, read_reason
from apps.fraud.state.list_keys import hashes_of
from kivendtout.lib.errors import InvalidInput

MOST_LINES: Final = 100_000
# A hundred thousand long lines; a larger file is another file.
MOST_MEGABYTES: Final = 20
# The longest value, reason and time together stay under it; beyond, somebody forgot the line ends.
LONGEST_LINE: Final = 2_000
COLUMNS: Final = ("value", "reason", "expires_at")
# What an export adds, so that its file can come back.
TOLD: Final = ("hint", "added_at", "uses", "last_used_at")
FAULTS: Final[dict[str, str]] = {
    **SENTENCES,
    "line_long": gettext_noop("The line is longer than any entry. Check the file's line ends and quotes."),
    "quotes": gettext_noop("The line's quotes do not match. Double each quote inside a quoted text."),
    "cells": gettext_noop("The line has another number of columns than the first one. Quote texts with separators."),
    "date": gettext_noop("The expiry is no time. Write it like 2027-01-31 or 2027-01-31T18:00:00Z."),
}
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:\d{2})")
# What spreadsheets would run as a formula; an export puts an apostrophe before it, which an import takes off again.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Outcome = Literal["new", "already", "invalid"]


class InvalidImport(InvalidInput):
    code = "invalid_list_import"


class Line(NamedTuple):
    """What one line of the file would do; `fault` is a key of FAULTS, `shown` is masked as entries are."""

    number: int
    outcome: Outcome
    shown: str = ""
    fault: str = ""

    @property
    def sentence(self) -> str:
        return FAULTS.get(self.fault, "")


class Row(NamedTuple):
    value: str
    network: str
    value_hash: bytes | None
    hint: str
    reason: str
    expires_at: datetime | None

    @property
    def key(self) -> tuple[str, str, bytes | None]:
        return self.value, self.network, self.value_hash


class Read(NamedTuple):
    number: int
    row: Row
    hashes: list[bytes]


def read_csv(text: str, kind: str, now: datetime) -> Iterator[Read | Line]:
    """Each line that holds something: what it says and every hash that its value may be stored under, or its fault."""
    for number, cells in _cells(text):
        try:
            if isinstance(cells, str):
                raise BadValue(cells)
            yield Read(number, *_row(kind, cells, now))
        except BadValue as error:
            yield Line(number, "invalid", fault=error.code)


def _cells(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """Each line after the first: its cells in the order of COLUMNS, or the code of its fault.

    A line of the file is a line of the list: a quote that nobody closed then costs its own line and no other.
    """
    if len(text) > MOST_MEGABYTES * 1_000_000:
        raise InvalidImport(gettext_noop("The file is larger than %(most)s MB. Split it."), most=MOST_MEGABYTES)
    lines = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) - 1 > MOST_LINES:
        told = gettext_noop("The file has %(lines)s lines, and %(most)s are the most at once. Split it.")
        raise InvalidImport(told, lines=len(lines) - 1, most=MOST_LINES)
    delimiter, places, width = _heading(lines[0] if lines else "")
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        cells = _split(line, delimiter)
        if isinstance(cells, str) or len(cells) != width:
            yield number, cells if isinstance(cells, str) else "cells"
        else:
            yield number, [cells[place] if place >= 0 else "" for place in places]


def _heading(line: str) -> tuple[str, list[int], int]:
    delimiter = max(",;\t", key=line.count)
    cells = _split(line, delimiter)
    names = [] if isinstance(cells, str) else [cell.strip().lower() for cell in cells]
    wrong = set(names) - {*COLUMNS, *TOLD} or len(set(names)) != len(names)
    if wrong or not {"value", "reason"} <= set(names):
        raise InvalidImport(
            gettext_noop("The first line must name the columns: value, reason and, if there are any, expires_at.")
        )
    return delimiter, [names.index(name) if name in names else -1 for name in COLUMNS], len(names)


def _split(line: str, delimiter: str) -> list[str] | str:
    if len(line) > LONGEST_LINE:
        return "line_long"
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return "quotes"


def _row(kind: str, cells: Sequence[str], now: datetime) -> tuple[Row, list[bytes]]:
    value, reason, expires_at = cells
    read = canonical(kind, unguarded(value.strip()))
    try:
        said, ends = read_reason(unguarded(reason.strip())), read_expiry(_moment(expires_at.strip()), now)
    except InvalidListEntry as error:
        raise BadValue(error.fault) from error
    hashes = hashes_of(kind, read.text) if read.form == "hash" else []
    plain, network = (read.text if read.form == form else "" for form in ("plain", "network"))
    return Row(plain, network, hashes[0] if hashes else None, read.hint, said, ends), hashes


def _moment(text: str) -> datetime | None:
    """A date alone still counts to its end, in UTC."""
    if not text:
        return None
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1)
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadValue("date")


def guarded(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
