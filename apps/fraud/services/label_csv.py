"""A CSV file of verdicts, line by line: a forgiving first line, strict values, and each bad line told by number."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop

from apps.fraud.events import LabelEvent
from apps.fraud.services.labels import label_id_of
from apps.fraud.services.list_csv import unguarded
from kivendtout.lib.errors import InvalidInput

# The longest id, source, kind and time together stay far under it; beyond, somebody forgot the line ends.
LONGEST_LINE: Final = 2_000
COLUMNS: Final = ("payment_id", "is_fraud", "known_at", "source", "pattern")
NEEDED: Final = COLUMNS[:3]
# What others call them, without capitals and with every space and dash as an underscore.
NAMES: Final[dict[str, str]] = {
    **{name: name for name in COLUMNS},
    "payment": "payment_id",
    "payment_number": "payment_id",
    "transaction_id": "payment_id",
    "paiement": "payment_id",
    "fraud": "is_fraud",
    "fraude": "is_fraud",
    "verdict": "is_fraud",
    "known_since": "known_at",
    "label_ts": "known_at",
    "connu_le": "known_at",
    "kind": "pattern",
    "type": "pattern",
}
Source = Literal["chargeback", "analyst", "export"]
SOURCES: Final[tuple[str, ...]] = get_args(Source)
VERDICTS: Final = {
    **dict.fromkeys(("true", "t", "1", "yes", "y", "oui", "fraud", "fraude"), True),
    **dict.fromkeys(("false", "f", "0", "no", "n", "non", "genuine"), False),
}
FAULTS: Final[dict[str, str]] = {
    "line_long": gettext_noop("The line is longer than any label. Check the file's line ends and quotes."),
    "quotes": gettext_noop("The line's quotes do not match. Double each quote inside a quoted text."),
    "cells": gettext_noop("The line has another number of columns than the first one. Quote texts with separators."),
    "no_payment": gettext_noop("There is no payment_id. Write the payment's number, as its sender calls it."),
    "verdict": gettext_noop("is_fraud must be true or false; yes and no, 1 and 0 will do."),
    "date": gettext_noop("known_at is no time. Write it like 2027-01-31 or 2027-01-31T18:00:00Z."),
    "ahead": gettext_noop("known_at lies more than a day ahead. Check the file's dates and time zone."),
    "source": gettext_noop("source must be chargeback, analyst or export. Write it, or choose one for the whole file."),
    "pattern_long": gettext_noop("pattern is longer than 32 characters. Shorten the kind of fraud."),
    "text": gettext_noop(
        "A value is too long, or holds an invisible character or what looks like a card number. Correct the line."
    ),
}
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:?\d{2})")
_WORD_GAP: Final = re.compile(r"[\s-]+")
LONGEST_PATTERN: Final = 32


class InvalidLabelFile(InvalidInput):
    code = "invalid_label_import"


class Read(NamedTuple):
    line: int
    event: LabelEvent


class Fault(NamedTuple):
    line: int
    code: str
    payment: str = ""


class Heading(NamedTuple):
    delimiter: str
    places: Sequence[int]
    width: int
    ignored: Sequence[str]
    """Columns that mean nothing here."""


class Rules(NamedTuple):
    source: str | None
    """For lines that name none."""
    zone: ZoneInfo
    now: datetime


class _Bad(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_heading(line: str) -> Heading:
    line = line.removeprefix("\ufeff").rstrip("\r\n")
    delimiter = max(",;\t", key=line.count)
    try:
        cells = _split(line, delimiter)
    except _Bad:
        cells = []
    names = [_WORD_GAP.sub("_", cell.strip().lower()) for cell in cells]
    known = [NAMES.get(name) for name in names]
    meant = [name for name in known if name]
    if len(set(meant)) != len(meant) or not set(NEEDED) <= set(meant):
        raise InvalidLabelFile(
            gettext_noop("The first line must name each of these columns once: payment_id, is_fraud and known_at.")
        )
    places = [known.index(name) if name in known else -1 for name in COLUMNS]
    return Heading(delimiter, places, len(names), [name for name, one in zip(names, known, strict=True) if not one])


def read_lines(lines: Iterable[str], heading: Heading, rules: Rules) -> Iterator[Read | Fault]:
    """A line of the file is a verdict: a quote that nobody closed then costs its own line and no other."""
    for number, line in enumerate(lines, 2):
        line = line.rstrip("\r\n")
        if not line.strip():
            continue
        payment = ""
        try:
            cells = _split(line, heading.delimiter)
            if len(cells) != heading.width:
                raise _Bad("cells")
            told = [unguarded(cells[place].strip()) if place >= 0 else "" for place in heading.places]
            payment = told[0]
            yield Read(number, _event(told, rules))
        except _Bad as error:
            yield Fault(number, error.code, payment)


def _split(line: str, delimiter: str) -> list[str]:
    if len(line) > LONGEST_LINE:
        raise _Bad("line_long")
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise _Bad("quotes") from error


def _event(told: Sequence[str], rules: Rules) -> LabelEvent:
    payment, verdict, known_at, source, pattern = told
    if not payment:
        raise _Bad("no_payment")
    if (is_fraud := VERDICTS.get(verdict.lower())) is None:
        raise _Bad("verdict")
    source = source.lower() or rules.source or ""
    if source not in SOURCES:
        raise _Bad("source")
    if len(pattern) > LONGEST_PATTERN:
        raise _Bad("pattern_long")
    if len(payment) > 64:  # as wide as every external id
        raise _Bad("text")
    moment = _moment(known_at, rules)
    try:
        event = LabelEvent(
            label_id=label_id_of(payment, source, is_fraud, moment), payment_id=payment, is_fraud=is_fraud,
            source=source, pattern=pattern or None, known_at=moment,  # type: ignore[arg-type]
        )  # fmt: skip
    except ValueError as error:  # its words may repeat the value
        raise _Bad("date" if str(error).startswith("known_at") else "text") from None
    if event.ahead_fault(rules.now):
        raise _Bad("ahead")
    return event


def _moment(text: str, rules: Rules) -> datetime:
    """A date alone is known by its end, in the organisation's time zone: training must not know it earlier."""
    try:
        if _DATE.fullmatch(text):
            day = datetime.fromisoformat(text).date()
            end = datetime.combine(day + timedelta(days=1), time(), rules.zone).astimezone(UTC)
            return rules.now if day == rules.now.astimezone(rules.zone).date() else end
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _Bad("date")
