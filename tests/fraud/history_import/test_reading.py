"""Times, amounts and words of foreign files, as their map says they are meant."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from apps.fraud.engine.rates import euro_cents
from tests.fraud.history_import.conftest import MAP, ROWS, Desk

ONE = "id,who,shop,euros,when,bad\np1,ann,m1,{euros},{when},0\n"
NINE = datetime(2026, 1, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "time"),
    [
        ("2026-01-02 09:00:00", ""),
        ("2026-01-02T09:00:00Z", ""),
        ("2026-01-02T10:00:00+01:00", ""),
        ("2026-01-02 09:00", ""),
        ("2026-01-02 09:00:00.000000", ""),
        ("2026-01-02 10:00:00", 'zone = "Europe/Paris"'),
        ("1767344400", 'unit = "s"'),
        ("1767344400.0", 'unit = "s"'),
        ("1767344400000", 'unit = "ms"'),
        ("1767344400000000", 'unit = "us"'),
        ("1767344400000000000", 'unit = "ns"'),
        ("3600", 'unit = "s"\norigin = "2026-01-02T08:00"'),
    ],
)
def test_a_time_may_be_written_in_many_ways(desk: Desk, told: str, time: str) -> None:
    desk.import_text(ONE.format(euros="1.00", when=told), MAP + f"[time]\n{time}\n")
    assert desk.matrix()["at"].to_list() == [NINE]


def test_an_hour_that_comes_twice_is_the_first_one_and_one_that_never_came_is_refused(desk: Desk) -> None:
    paris = MAP + '[time]\nzone = "Europe/Paris"\n'
    desk.import_text(ONE.format(euros="1", when="2025-10-26 02:30:00"), paris)
    assert desk.matrix()["at"].to_list() == [datetime(2025, 10, 26, 0, 30, tzinfo=UTC)]
    text = ROWS.replace("2026-01-02 09:00:00", "2026-03-29 02:30:00")
    assert dict(desk.import_text(text, paris, most_rejected=0.5).rejected.counts) == {"bad_at": 1}


def test_a_typed_column_needs_no_unit(desk: Desk) -> None:
    path = desk.folder / "typed.parquet"
    frame = pl.read_csv(desk.write(ROWS), try_parse_dates=True).with_columns(pl.col("euros").cast(pl.Decimal(8, 2)))
    frame.write_parquet(path)
    done = desk.import_file(path)
    assert done.computed == 5
    assert desk.column("reference_id") == {"p1": 1, "p2": 2, "p3": 3, "p4": 4, "p5": 5}, "rows of the file"
    assert desk.column("amount") == {"p1": 20.0, "p2": 5.5, "p3": 30.0, "p4": 7.25, "p5": 8.0}


@pytest.mark.parametrize("euros", ["0", "0.005", "12.3", "99999999.99", "1.0049", "1.00500000001"])
def test_an_amount_is_taken_to_the_thousandth(desk: Desk, euros: str) -> None:
    desk.import_text(ONE.format(euros=euros, when="2026-01-02 09:00:00"))
    exact = Decimal(euros).quantize(Decimal("0.001"), "ROUND_HALF_UP")
    cents = euro_cents(exact, "EUR")
    assert cents is not None
    assert desk.matrix().select("amount", "amount_eur").row(0) == (float(exact), cents / 100)


def test_commas_cents_and_semicolons_are_said_in_the_map(desk: Desk) -> None:
    text = ROWS.replace(",", ";").replace(".", ",")
    desk.import_text(text, MAP + '[amount]\ndecimal_comma = true\n[csv]\ndelimiter = ";"\n')
    assert desk.column("amount")["p4"] == 7.25
    desk.import_text(ROWS.replace(".", ""), MAP + "[amount]\ndivide_by = 100\n")
    assert desk.column("amount")["p4"] == 7.25


def test_words_of_the_file_mean_what_the_map_says(desk: Desk) -> None:
    told = MAP + '[values.is_fraud]\nYES = true\nNO = false\nunknown = ""\n'
    desk.import_text(ROWS.replace(",1\n", ",YES\n").replace(",0\n", ",NO\n").replace("00,\n", "00,unknown\n"), told)
    assert desk.column("is_fraud") == {"p1": False, "p2": True, "p3": None, "p4": False, "p5": False}


def test_a_map_may_be_json_and_payments_may_have_no_ids(desk: Desk) -> None:
    mapped = {
        "columns": {"customer": "who", "amount": "euros", "at": "when"},
        "constants": {"currency": "JPY", "merchant": "all", "payment_country": "JP"},
    }
    desk.import_file(desk.write(ROWS), json.dumps(mapped), "map.json")
    matrix = desk.matrix()
    assert matrix["payment_id"].to_list() == ["2", "3", "4", "5", "6"], "the line is the id"
    assert set(matrix["merchant"]) == {"all"}
    assert set(matrix["payment_country"]) == {"JP"}
    assert matrix["amount_eur"][0] == round(20 / 169, 2)
    assert matrix["is_fraud"].null_count() == 5
