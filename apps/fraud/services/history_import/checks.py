"""A chunk of the file into typed payments: every column checked at once, and a row's first fault named.

What comes out has `line`, `at` and `known_at` in microseconds, `mills` (thousandths of the currency), and the fields of
`Facts` that the map names. Cards and addresses are still as they came: `secrets.py` hashes them next.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import polars as pl

from apps.fraud.services.history_import.files import Fault
from apps.fraud.services.history_import.mapping import HistoryMap
from apps.payments.events import AHEAD, EARLIEST, MINOR_UNITS, MOST_ARTICLES
from kivendtout.lib.clock import event_time

Checked = tuple[pl.Expr, str]
MICROSECONDS: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}
CONTROL: Final = r"[\x00-\x1f\x7f]"
LONGEST: Final = 128
CHOICES: Final = {
    "method": ("card", "paypal", "apple_pay", "google_pay", "bank_transfer"),
    "status": ("pending", "success", "failed"),
    "device_kind": ("web_desktop", "web_mobile", "ios", "android"),
}
COUNTRIES: Final = frozenset(f"{what}_country" for what in ("payment", "ip", "card", "billing", "profile", "merchant"))
MOMENTS: Final = frozenset({"at", "registered_at", "cart_at", "label_known_at"})
FLAGS: Final = {
    **dict.fromkeys(("0", "0.0", "false", "f", "no", "n"), False),
    **dict.fromkeys(("1", "1.0", "true", "t", "yes", "y"), True),
}
NEEDED: Final = frozenset({"payment_id", "customer", "at", "amount", "currency", "method", "status"})


def check_chunk(frame: pl.DataFrame, mapped: HistoryMap, now: datetime) -> tuple[pl.DataFrame, list[Fault]]:
    """The good rows, and a fault for each of the others."""
    values, faults = [pl.col("line")], []
    for field, column in mapped.columns.items():
        given = _given(field, column, frame.schema[column], mapped)
        value, said = _check(field, given, frame.schema[column], mapped, now)
        values.append(value.alias(field))
        seen = pl.col(column).cast(pl.String, strict=False).replace("", None).is_not_null() & given.is_not_null()
        faults.append(pl.when(seen & value.is_null()).then(pl.lit(f"{field}\n{column} {said}.")))
        if field in NEEDED:
            faults.append(pl.when(given.is_null()).then(pl.lit(f"{field}\n{column} is empty.")))
    checked = frame.select(*values, pl.coalesce(*faults, pl.lit(None, pl.String)).alias("fault"))
    return _parted(_with_label(checked, mapped))


def _parted(checked: pl.DataFrame) -> tuple[pl.DataFrame, list[Fault]]:
    bad = checked.filter(pl.col("fault").is_not_null()).select("line", "fault")
    faults = [Fault(line, "bad_" + field, said) for line, (field, _, said) in
              ((line, fault.partition("\n")) for line, fault in bad.iter_rows())]  # fmt: skip
    return checked.filter(pl.col("fault").is_null()).drop("fault"), faults


def _given(field: str, column: str, dtype: pl.DataType, mapped: HistoryMap) -> pl.Expr:
    """The value as it stands, null where nothing was told. Texts lose the blanks around them."""
    given = pl.col(column)
    if dtype.is_temporal() or (dtype.is_numeric() and (field == "amount" or field in MOMENTS)):
        return given
    if dtype.is_float():  # a whole number beside empty cells comes as a float
        given = pl.when(given == given.floor()).then(given.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(
            given.cast(pl.String)
        )  # fmt: skip
    given = given.cast(pl.String, strict=False).str.strip_chars()
    if meant := mapped.values.get(field):
        texts = {said: str(value) for said, value in meant.items()}
        given = given.replace(texts)
    return pl.when(given != "").then(given)


def _check(field: str, given: pl.Expr, dtype: pl.DataType, mapped: HistoryMap, now: datetime) -> Checked:
    if field in MOMENTS:
        return _moment(given, dtype, mapped, now)
    if field == "amount":
        return _amount(given, dtype, mapped)
    if field in COUNTRIES:
        code = given.str.to_uppercase()
        return _kept(code, code.str.contains(r"^[A-Z]{2}$")), "is not the two letters of a country, like FR"
    if field in CHOICES:
        allowed = CHOICES[field]
        said = f"is none of {', '.join(allowed)}; say in [values.{field}] of the map what it means"
        return _kept(given, given.is_in(allowed)), said
    return CHECKS.get(field, _text)(given)


def _text(given: pl.Expr) -> Checked:
    fits = (given.str.len_chars() <= LONGEST) & ~given.str.contains(CONTROL)
    return _kept(given, fits), f"is longer than {LONGEST} characters, or holds a NUL or another control character"


def _flag(given: pl.Expr) -> Checked:
    value = given.str.to_lowercase().replace_strict(FLAGS, default=None, return_dtype=pl.Boolean)
    return value, "is neither 0 nor 1; say in [values] of the map what it means"


def _count(given: pl.Expr) -> Checked:
    number = given.str.strip_suffix(".0").cast(pl.Int64, strict=False)
    return _kept(number, number.is_between(0, MOST_ARTICLES)), f"is not a whole number from 0 to {MOST_ARTICLES}"


def _currency(given: pl.Expr) -> Checked:
    code = given.str.to_uppercase()
    return _kept(code, code.is_in(list(MINOR_UNITS))), "is not a currency that payments can be made in, like EUR"


def _card_bin(given: pl.Expr) -> Checked:
    return _kept(given, given.str.contains(r"^([0-9]{6}|[0-9]{8})$")), "is not the first six or eight digits of a card"


CHECKS: Final[dict[str, Callable[[pl.Expr], Checked]]] = {
    "is_fraud": _flag,
    "adult_restricted": _flag,
    "basket_size": _count,
    "currency": _currency,
    "card_bin": _card_bin,
}


def _amount(given: pl.Expr, dtype: pl.DataType, mapped: HistoryMap) -> Checked:
    """Thousandths, whole: no currency has more, and what a float leaves behind them is noise."""
    by, said = mapped.amount.divide_by, "is not an amount from 0 to 99999999999.999, like 12.34"
    if dtype.is_float():
        mills = (given * (1000 / by)).round()
        fits = given.is_finite() & mills.is_between(0, 10**14 - 1)
        return pl.when(fits).then(mills).cast(pl.Int64, strict=False), said
    text = given.cast(pl.String, strict=False).str.strip_chars()
    if mapped.amount.decimal_comma:
        text = text.str.replace(",", ".", literal=True)
    text = pl.when(text.str.contains(r"^[0-9]{1,11}(\.[0-9]+)?$")).then(text)
    whole = text.str.extract(r"^([0-9]+)").cast(pl.Int64)
    part = text.str.extract(r"\.([0-9]+)$").fill_null("").str.pad_end(4, "0").str.slice(0, 4).cast(pl.Int64)
    tenths = whole * 10_000 + part
    return (tenths + 5 * by) // (10 * by), said


def _moment(given: pl.Expr, dtype: pl.DataType, mapped: HistoryMap, now: datetime) -> Checked:
    unit = mapped.time.unit
    if dtype.is_temporal():
        told, said = (
            _zoned(given.cast(pl.Datetime("us", getattr(dtype, "time_zone", None))), dtype, mapped),
            "is no time",
        )
    elif unit == "iso":
        told, said = _from_text(given.cast(pl.String, strict=False), mapped), "is not a time like 2018-04-01T08:10:15Z"
    else:
        told, said = _from_number(given, dtype, unit, mapped), f"is not a number of {unit}"
    low, high = event_time(EARLIEST), event_time(now + AHEAD)
    return _kept(told, told.is_between(low, high)), f"{said}, from {EARLIEST:%Y} to tomorrow"


def _zoned(moment: pl.Expr, dtype: pl.DataType | None, mapped: HistoryMap) -> pl.Expr:
    """Microseconds of a moment, of the map's zone where it has none. An hour that comes twice is the first of the two;
    one that the clocks jump over is no time."""
    if getattr(dtype, "time_zone", None) is None:
        moment = moment.dt.replace_time_zone(mapped.time.zone, ambiguous="earliest", non_existent="null")
    return moment.dt.epoch("us")


def _from_text(text: pl.Expr, mapped: HistoryMap) -> pl.Expr:
    plain = text.str.replace("T", " ", literal=True).str.replace("Z$", "+00:00")
    plain = pl.when(plain.str.len_chars() == 10).then(plain + " 00:00:00").otherwise(plain)
    plain = pl.when(plain.str.contains(r"^\d{4}-\d\d-\d\d \d\d:\d\d([+-]|$)")).then(
        plain.str.replace(r"^(.{16})", "${1}:00")
    ).otherwise(plain)  # fmt: skip
    local = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    zoned = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)
    return pl.coalesce(_zoned(local, None, mapped), zoned.dt.epoch("us"))


def _from_number(given: pl.Expr, dtype: pl.DataType, unit: str, mapped: HistoryMap) -> pl.Expr:
    whole = given.cast(pl.Int64, strict=False) if dtype == pl.String or dtype.is_integer() else pl.lit(None, pl.Int64)
    broken = given.cast(pl.Float64, strict=False)
    if unit == "ns":
        return pl.coalesce(whole // 1_000, (broken / 1_000).round().cast(pl.Int64, strict=False)) + mapped.origin
    by = MICROSECONDS[unit]
    # What would leave 64 bits is no time anyway.
    whole = pl.when(whole.abs() < 2**62 // by).then(whole)
    return pl.coalesce(whole * by, (broken * by).round().cast(pl.Int64, strict=False)) + mapped.origin


def _with_label(checked: pl.DataFrame, mapped: HistoryMap) -> pl.DataFrame:
    if "is_fraud" not in mapped.columns:
        return checked.with_columns(is_fraud=pl.lit(None, pl.Boolean), known_at=pl.lit(None, pl.Int64))
    delay = mapped.delay
    known = pl.col("label_known_at") if "label_known_at" in mapped.columns else pl.lit(None, pl.Int64)
    if delay is not None:
        known = pl.coalesce(known, pl.col("at") + delay)
    labelled, column = pl.col("is_fraud").is_not_null(), mapped.columns.get("label_known_at", "label_known_at")
    fault = (
        pl.when(labelled & known.is_null())
        .then(pl.lit(f"label_known_at\n{column} is empty for a label, and the map gives no delay."))
        .when(labelled & (known < pl.col("at")))
        .then(pl.lit(f"label_known_at\n{column} lies before the payment: no label is known before it."))
    )
    return checked.with_columns(
        pl.when(labelled).then(known).alias("known_at"), pl.coalesce(pl.col("fault"), fault).alias("fault")
    ).drop("label_known_at", strict=False)


def _kept(value: pl.Expr, condition: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(value)
