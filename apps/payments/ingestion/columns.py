"""What a column of an export may hold: each kind checks a column of texts at once and gives typed values.

A fault is a sentence; a row's first fault is the reason why it is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from apps.payments.event_text import HASHED, holds_card
from apps.payments.events import AHEAD, EARLIEST, MOST_ARTICLES

Check = Callable[[pl.Expr, "Column"], tuple[pl.Expr, str]]

CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
# The quick look of event_text.DIGITS, in the dialect of Polars.
DIGITS = r"[0-9][0-9 -]{11,}[0-9]"
AMOUNT = r"^[0-9]{1,11}(\.[0-9]{1,3})?$"
# Phone numbers have up to fifteen digits, and one in ten would pass for a card number. They are encrypted.
NOT_SCANNED = HASHED | {"phone"}


@dataclass(frozen=True)
class Column:
    name: str
    check: Check
    optional: bool = False
    limit: int = 64
    choices: tuple[str, ...] = ()
    later: bool = False
    """Came after the first files were written; one without it still loads."""


def text(value: pl.Expr, column: Column) -> tuple[pl.Expr, str]:
    fits = (value.str.len_chars() <= column.limit) & ~value.str.contains(CONTROL)
    return _kept(value, fits), f"is longer than {column.limit} characters or holds a control character"


def email(value: pl.Expr, column: Column) -> tuple[pl.Expr, str]:
    kept, said = text(value, column)
    return _kept(kept, kept.str.contains(r"^[^@\s]+@[^@\s]+$")), f"is not an e-mail address, or {said}"


def moment(value: pl.Expr, column: Column) -> tuple[pl.Expr, str]:
    said = "is not a date and time like 2025-11-26 08:10:15 (UTC unless it says otherwise) from 2000 to tomorrow"
    return to_moment(value), said


def to_moment(value: pl.Expr) -> pl.Expr:
    plain = value.str.replace("T", " ", literal=True).str.strip_suffix("Z")
    local = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    zoned = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_unit="us", strict=False)
    return pl.coalesce(local.dt.replace_time_zone("UTC"), zoned.dt.convert_time_zone("UTC"))


def day(value: pl.Expr, column: Column) -> tuple[pl.Expr, str]:
    found = value.str.to_date("%Y-%m-%d", strict=False)
    return _kept(found, found.dt.year().is_between(1900, 2099)), "is not a date like 1973-09-15"


def country(value: pl.Expr, column: Column) -> tuple[pl.Expr, str]:
    said = "is not the two capital letters of a country, like FR"
    return _kept(value, value.str.contains(r"^[A-Z]{2}$")), said


def amount(value: pl.Expr, column: Column) -> tuple[pl.Expr, str]:
    said = "is not an amount from 0 to 99999999999.999 with at most three decimals, like 12.34"
    # Exports write numbers as they come out of tables: 15.0, and now and then 12.340000.
    short = value.str.replace(r"(\.[0-9]*?)0+$", "$1").str.strip_suffix(".")
    return _kept(short, short.str.contains(AMOUNT)), said


def whole(value: pl.Expr, column: Column) -> tuple[pl.Expr, str]:
    number = value.str.strip_suffix(".0").cast(pl.Int64, strict=False)
    return _kept(number, number.is_between(1, 1_000_000)), "is not a whole number from 1 to 1000000"


def count(value: pl.Expr, column: Column) -> tuple[pl.Expr, str]:
    number = value.str.strip_suffix(".0").cast(pl.Int64, strict=False)
    return _kept(number, number.is_between(0, MOST_ARTICLES)), f"is not a whole number from 0 to {MOST_ARTICLES}"


def flag(value: pl.Expr, column: Column) -> tuple[pl.Expr, str]:
    said = {"0": False, "1": True, "false": False, "true": True, "0.0": False, "1.0": True}
    return value.str.to_lowercase().replace_strict(said, default=None, return_dtype=pl.Boolean), "is neither 0 nor 1"


def choice(value: pl.Expr, column: Column) -> tuple[pl.Expr, str]:
    return _kept(value, value.is_in(column.choices)), f"is none of: {', '.join(column.choices)}"


def card_bin(value: pl.Expr, column: Column) -> tuple[pl.Expr, str]:
    return _kept(value, value.str.contains(r"^([0-9]{6}|[0-9]{8})$")), "is not the first six or eight digits of a card"


def four_digits(value: pl.Expr, column: Column) -> tuple[pl.Expr, str]:
    return _kept(value, value.str.contains(r"^[0-9]{4}$")), "is not four digits"


def _kept(value: pl.Expr, condition: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(value)


def check_columns(raw: pl.DataFrame, columns: tuple[Column, ...], now: datetime) -> tuple[pl.DataFrame, pl.Series]:
    """Typed values of every row, and the first fault of each row (null where there is none)."""
    values, faults = [], []
    for column in columns:
        given = pl.col(column.name).replace("", None)
        value, said = column.check(given, column)
        if column.check is moment:
            value = _kept(value, value.is_between(EARLIEST, now + AHEAD))
        values.append(value.alias(column.name))
        faults.append(pl.when(given.is_not_null() & value.is_null()).then(pl.lit(f"{column.name} {said}.")))
        if not column.optional:
            faults.append(pl.when(given.is_null()).then(pl.lit(f"{column.name} is empty.")))
    checked = raw.select(*values, pl.coalesce(faults).alias("fault"))
    fault = _with_cards(raw, columns, checked.get_column("fault"))
    return checked.drop("fault"), fault


def _with_cards(raw: pl.DataFrame, columns: tuple[Column, ...], fault: pl.Series) -> pl.Series:
    # Only free text: the other kinds have a form of their own that no card number fits.
    scanned = [column.name for column in columns if column.check is text and column.name not in NOT_SCANNED]
    suspects = raw.select(pl.any_horizontal(pl.col(name).str.contains(DIGITS) for name in scanned)).to_series()
    rows = suspects.fill_null(False).arg_true()
    if rows.is_empty():
        return fault
    found = {}
    for row, values in zip(rows, raw[rows].select(scanned).iter_rows(), strict=True):
        name = next((n for n, v in zip(scanned, values, strict=True) if v and holds_card(n, v)), None)
        if name:
            found[row] = f"{name} holds what looks like a card number. Send its BIN and last four digits only."
    return fault.scatter(list(found), list(found.values())) if found else fault
