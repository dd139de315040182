"""What cannot be used is named, with its line; what would be half a matrix is none."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from apps.fraud.services.feature_matrix import MatrixWriter
from apps.fraud.services.history_import import service, workers
from kivendtout.lib.errors import KvtError
from tests.fraud.history_import.conftest import MAP, ROWS, Desk

CARD = "4111 1111 1111 1111"


def refusal(desk: Desk, text: str | bytes = ROWS, map_text: str = MAP, name: str = "payments.csv", **more: Any) -> str:
    with pytest.raises(KvtError) as caught:
        desk.import_file(desk.write(text, name), map_text, **more)
    assert not desk.out.exists()
    assert desk.left_over() == []
    return caught.value.message


def test_a_missing_column_is_named_with_those_that_there_are(desk: Desk) -> None:
    said = refusal(desk, map_text=MAP.replace('"who"', '"client"'))
    assert "no column 'client' (customer)" in said
    assert "id, who, shop, euros, when, bad" in said


@pytest.mark.parametrize(
    ("map_text", "said"),
    [
        ("not toml", "neither TOML nor JSON"),
        (MAP.replace("who", "who\0"), "neither TOML nor JSON"),
        (MAP + "[more]\n", "unknown field `more`"),
        (MAP.replace("customer =", "client ="), "names 'client'. The fields are: payment_id, customer,"),
        (MAP.replace('currency = "EUR"', ""), "does not say where currency stands"),
        (MAP.replace('"EUR"', '"EUR"\namount = 3'), "amount cannot be the same for all payments"),
        (MAP.replace('"EUR"', '"EUR"\nmerchant = "m"'), "merchant stands in both"),
        (MAP.replace('delay = "7 days"', ""), "does not say when a label became known"),
        (MAP.replace("7 days", "soon"), 'takes a number and a unit, like "7 days"'),
        (MAP + '[time]\nzone = "Mars"\n', "no time zone 'Mars'"),
        (MAP + '[time]\norigin = "once"\n', "origin takes a moment"),
    ],
)
def test_a_map_that_cannot_be_used_says_why(desk: Desk, map_text: str, said: str) -> None:
    assert said in refusal(desk, map_text=map_text)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("", "payments.csv", "is empty"),
        (" \n", "payments.csv", "is empty"),
        ("id,who,shop,euros,when,bad\n", "payments.csv", "a header and no payments"),
        (ROWS, "payments.xlsx", "neither .csv nor .parquet"),
        (ROWS, "payments.parquet", "does not hold Parquet"),
        ("PAR1" + ROWS, "payments.csv", "holds Parquet, whatever its name says"),
        ("PAR1" + ROWS, "payments.parquet", "not a Parquet file that can be read"),
        (b"\x1f\x8b" + ROWS.encode(), "payments.csv", "is not text"),
        (ROWS.replace("id,who", "who,who"), "payments.csv", "no column 'id'"),
        (ROWS.replace("shop", "who"), "payments.csv", "no column 'shop'"),
    ],
)
def test_a_file_that_is_no_history_says_why(desk: Desk, text: str | bytes, name: str, said: str) -> None:
    assert said in refusal(desk, text, name=name)


def test_a_file_that_is_not_there_says_so(desk: Desk) -> None:
    with pytest.raises(KvtError, match="There is no file"):
        desk.import_file(desk.folder / "gone.csv")


BAD = {
    "bad_amount": "q1,ann,m1,-3,2026-01-03 10:00:00,0",
    "bad_at": "q2,ann,m1,3,yesterday,0",
    "bad_customer": "q3,,m1,3,2026-01-03 10:00:00,0",
    "bad_is_fraud": "q4,ann,m1,3,2026-01-03 10:00:00,perhaps",
    "bad_merchant": "q5,ann,m\x001,3,2026-01-03 10:00:00,0",
    "wrong_width": "q6,ann,m1",
    "not_utf8": "q7,ann,m\udcff,3,2026-01-03 10:00:00,0",
    "card_number": f"q8,ann,{CARD},3,2026-01-03 10:00:00,0",
    "repeated_payment": "p1,ann,m1,3,2026-03-03 10:00:00,0",
}


def test_rows_that_cannot_be_used_are_counted_and_named_by_their_lines(desk: Desk) -> None:
    text = (ROWS + "\n".join(BAD.values()) + "\n").encode("utf-8", "surrogateescape")
    done = desk.import_text(text, most_rejected=0.9)
    assert dict(done.rejected.counts) == dict.fromkeys(BAD, 1)
    lines = {reason: found[0]["line"] for reason, found in done.rejected.examples.items()}
    assert lines == {reason: n for n, reason in enumerate(BAD, 7)}
    assert desk.matrix()["payment_id"].to_list() == ["p1", "p2", "p3", "p4", "p5"]
    assert "euros is not an amount" in done.rejected.examples["bad_amount"][0]["problem"]
    assert CARD not in str(done)


def test_more_of_them_than_allowed_end_the_import(desk: Desk) -> None:
    said = refusal(desk, ROWS + BAD["bad_at"] + "\n", most_rejected=0.1)
    assert "1 of 6 rows cannot be used" in said
    assert "line 7: when is not a time like 2018-04-01T08:10:15Z" in said
    assert desk.import_text(ROWS + BAD["bad_at"] + "\n", most_rejected=0.2).computed == 5


def test_of_a_payment_that_comes_twice_the_first_line_counts(desk: Desk) -> None:
    desk.import_text(ROWS + "p5,eve,m9,999,2026-01-01 00:00:00,1\n", most_rejected=0.5)
    assert desk.column("customer")["p5"] == "bob"


def test_a_column_of_card_numbers_ends_the_import_and_shows_none(desk: Desk) -> None:
    text = ROWS.replace("bad\n", "bad,pan\n").replace(",0\n", f",0,{CARD}\n").replace(",1\n", f",1,{CARD}\n").replace(
        "00,\n", "00,,\n"
    )  # fmt: skip
    said = refusal(desk, text, MAP.replace("[columns]", '[columns]\ncard = "pan"'), most_rejected=1.0)
    assert "Column 'pan', mapped to card, holds card numbers" in said
    assert "4111" not in said


def test_a_label_that_was_known_before_its_payment_is_refused(desk: Desk) -> None:
    text = ROWS.replace("bad\n", "bad,since\n").replace(",0\n", ",0,2025-12-31\n").replace(",1\n", ",1,2026-02-01\n")
    mapped = MAP.replace("[columns]", '[columns]\nlabel_known_at = "since"')
    done = desk.import_text(text.replace("00,\n", "00,,\n"), mapped, most_rejected=1.0)
    assert dict(done.rejected.counts) == {"bad_label_known_at": 3}


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_was_there_before_stays_when_an_import_is_cut_short(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    desk.import_text(ROWS)
    before = desk.out.read_bytes()

    def fails(*_given: Any) -> None:
        raise fault

    monkeypatch.setattr(MatrixWriter, "write_table", fails)
    with pytest.raises(KeyboardInterrupt if isinstance(fault, KeyboardInterrupt) else service.NoRoom):
        desk.import_text(ROWS)
    assert desk.out.read_bytes() == before
    assert desk.left_over() == []


def test_a_process_that_dies_ends_the_import_with_a_sentence(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "WORTH_SHARING_BYTES", 0)
    start = workers.Pool.start

    def start_and_lose_one(self: workers.Pool) -> None:
        start(self)
        os.kill(self._processes[0].pid, signal.SIGKILL)
        self._processes[0].join()

    monkeypatch.setattr(workers.Pool, "start", start_and_lose_one)
    assert "ended before its time" in refusal(desk, workers=2)


def test_a_folder_that_is_not_there_is_named(desk: Desk) -> None:
    with pytest.raises(KvtError, match="There is no folder"):
        desk.import_text(ROWS, out=Path(desk.folder / "none" / "m.parquet"))
    with pytest.raises(KvtError, match="There is no folder"):
        desk.import_text(ROWS, work=desk.folder / "none")


def test_a_matrix_is_not_written_over_a_folder(desk: Desk) -> None:
    (desk.folder / "taken").mkdir()
    with pytest.raises(KvtError, match="cannot be written"):
        desk.import_text(ROWS, out=desk.folder / "taken")
    assert desk.left_over() == []
