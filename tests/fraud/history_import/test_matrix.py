"""A foreign history becomes the matrix that the same payments would give if they had been scored live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.fraud.engine.event import Facts, payment_key
from apps.fraud.engine.features.catalogue import FEATURES, VERSION, compute_row
from apps.fraud.engine.rates import euro_cents
from apps.fraud.services.feature_matrix import SCHEMA
from apps.fraud.services.history_import import runs
from apps.fraud.state import keys
from apps.fraud.state.layout import LabelFacts
from apps.fraud.state.memory_state import MemoryState
from kivendtout.lib.clock import event_time
from kivendtout.lib.crypto.hashing import blind_index
from tests.fraud.history_import.conftest import MAP, ROWS, Desk

PARIS = ZoneInfo("Europe/Paris")
BEGIN = datetime(2025, 10, 20, tzinfo=UTC)
STEPS = (0, 0, 1, 60, 600, 3_600, 86_400, 8 * 86_400)
RICH = """
[columns]
payment_id = "id"
customer = "who"
merchant = "shop"
amount = "sum"
currency = "money"
at = "when"
status = "how"
device = "machine"
card = "token"
ip = "address"
payment_country = "land"
is_fraud = "bad"
label_known_at = "since"

[time]
unit = "us"
local_zone = "Europe/Paris"

[values.status]
paid = "success"
refused = "failed"
open = "pending"
"""
MEANT = {"paid": "success", "refused": "failed", "open": "pending"}


def rows_of(random: Random, many: int) -> list[dict[str, Any]]:
    at, rows = BEGIN, []
    for n in range(many):
        at += timedelta(seconds=random.choice(STEPS))
        bad = random.choice((True, False, False, None))
        rows.append(
            {
                "id": f"P{random.randrange(10**6)}-{n}", "who": random.choice("ab"),
                "shop": random.choice(("m", "n", None)),
                "sum": random.choice(("0", "9.99", "1234.56", "0.005")), "money": random.choice(("EUR", "USD", "JPY")),
                "when": event_time(at), "how": random.choice(tuple(MEANT)), "machine": random.choice(("d", "e", None)),
                "token": random.choice(("k", None)), "address": random.choice(("1.2.3.4", "::1", None)),
                "land": random.choice(("FR", "BE", None)), "bad": bad,
                "since": None if bad is None else event_time(at + random.choice((timedelta(0), timedelta(days=9)))),
            }
        )  # fmt: skip
    return rows


def plainly(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The features of each payment: told in order, judged before its result is known, frauds told when known."""
    state, waiting, found = MemoryState(), list[LabelFacts](), {}
    for row in sorted(rows, key=lambda one: (one["when"], payment_key(one["id"]))):
        amount = Decimal(row["sum"])
        hashes = {name: blind_index(name, row[column]) for name, column in (("card", "token"), ("ip", "address"))}
        values: dict[str, Any] = {
            "payment_id": row["id"], "customer": row["who"], "at": row["when"], "amount": float(amount),
            "currency": row["money"], "euro_cents": euro_cents(amount, row["money"]), "method": "card",
            "device": row["machine"], "merchant": row["shop"], "payment_country": row["land"],
            **{name: digest.hex() if digest else None for name, digest in hashes.items()},
        }  # fmt: skip
        judged = Facts(**values)
        for label in sorted((one for one in waiting if one.known_at <= judged.at), key=lambda one: one.known_at):
            state.label(1, [label], now=judged.at)
            waiting.remove(label)
        [history] = state.observe(1, [Facts(**values, status=MEANT[row["how"]])], now=judged.at)  # type: ignore[arg-type]
        found[row["id"]] = list(compute_row(judged, history, PARIS))
        if row["bad"]:
            waiting.append(
                LabelFacts(
                    payment_id=judged.payment_id, customer=judged.customer, device=judged.device, card=judged.card,
                    merchant=judged.merchant, known_at=row["since"], is_fraud=True,
                )
            )  # fmt: skip
    return found


def features_in(matrix: pl.DataFrame) -> dict[str, list[Any]]:
    names = [feature.name for feature in FEATURES]
    return {row[0]: list(row[1:]) for row in matrix.select("payment_id", *names).iter_rows()}


@given(seed=st.integers(0, 2**32), many=st.integers(1, 50))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_shuffled_file_gives_the_rows_that_scoring_in_order_gives(desk: Desk, seed: int, many: int) -> None:
    rows = rows_of(Random(seed), many)
    told = plainly(rows)
    Random(seed).shuffle(rows)
    path = desk.folder / "rich.parquet"
    pl.DataFrame(rows, schema_overrides={"since": pl.Int64, "bad": pl.Boolean}, infer_schema_length=None).write_parquet(
        path
    )
    desk.import_file(path, RICH)
    assert features_in(desk.matrix()) == told


@pytest.mark.parametrize("seed", range(3))
def test_so_do_several_runs_small_blocks_and_logs_that_overflow(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(runs, "ROWS_A_RUN", 40)
    monkeypatch.setattr(runs, "SAMPLED", 1)
    monkeypatch.setattr("apps.fraud.services.history_import.prepare.ROWS_A_CHUNK", 30)
    monkeypatch.setattr("apps.fraud.services.history_import.workers.ROWS_A_BLOCK", 16)
    for owner in keys.MOST_ROWS:
        monkeypatch.setitem(keys.MOST_ROWS, owner, 12)
        monkeypatch.setitem(keys.KEPT_ROWS, owner, 6)
    random = Random(seed)
    rows = rows_of(random, 300)
    for n, row in enumerate(rows):
        row["since"] = row["since"] and row["since"] + n
        row["when"] += n  # of one instant, a log that overflows keeps none: see docs/import-history.md
    told = plainly(rows)
    random.shuffle(rows)
    desk.import_file(_csv(desk, rows), RICH)
    assert features_in(desk.matrix()) == told


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema_overrides={"since": pl.Int64, "bad": pl.Boolean}, infer_schema_length=None)


def _csv(desk: Desk, rows: list[dict[str, Any]]) -> Path:
    path = desk.folder / "rich.csv"
    pl.DataFrame(rows, schema_overrides={"since": pl.Int64, "bad": pl.Boolean}, infer_schema_length=None).write_csv(
        path
    )
    return path


def test_several_processes_write_what_one_writes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.fraud.services.history_import.service.WORTH_SHARING_BYTES", 0)
    path = _csv(desk, rows_of(Random(5), 400))
    desk.import_file(path, RICH, workers=1)
    alone = pq.read_table(desk.out)
    desk.import_file(path, RICH, workers=2)
    assert pq.read_table(desk.out).equals(alone)
    assert desk.left_over() == []


def test_the_file_is_one_that_training_reads(desk: Desk) -> None:
    done = desk.import_text(ROWS)
    file = pq.ParquetFile(desk.out)
    assert file.schema_arrow.equals(SCHEMA)
    assert file.schema_arrow.metadata[b"catalogue_version"].decode() == VERSION
    assert (done.rows, done.computed, done.labelled, done.frauds) == (5, 5, 4, 1)
    assert (done.first, done.last) == (datetime(2026, 1, 1, 10, tzinfo=UTC), datetime(2026, 1, 8, 11, 0, 1, tzinfo=UTC))
    assert desk.column("is_fraud") == {"p1": False, "p2": True, "p3": None, "p4": False, "p5": False}
    assert desk.column("label_known_at")["p2"] == datetime(2026, 1, 8, 11, tzinfo=UTC)
    assert desk.column("reference_id") == {"p1": 2, "p2": 3, "p3": 4, "p4": 5, "p5": 6}, "lines of the file"


def test_a_label_counts_from_the_moment_it_is_known_and_not_before(desk: Desk) -> None:
    desk.import_text(ROWS.replace("2026-01-08 11:00:00", "2026-01-08 10:59:59"))
    assert desk.column("customer_frauds") == {"p1": 0, "p2": 0, "p3": 0, "p4": 0, "p5": 1}
    desk.import_text(ROWS)
    assert desk.column("customer_frauds")["p4"] == 1, "known at that very moment"


def test_a_label_without_delay_still_says_nothing_of_its_own_payment(desk: Desk) -> None:
    desk.import_text(ROWS, MAP.replace("7 days", "0 days"))
    assert desk.column("customer_frauds") == {"p1": 0, "p2": 0, "p3": 0, "p4": 1, "p5": 1}


def test_a_result_is_known_to_later_payments_only(desk: Desk) -> None:
    text = ROWS.replace("bad\n", "bad,how\n").replace(",0\n", ",0,failed\n").replace(",1\n", ",1,failed\n").replace(
        "09:00:00,\n", "09:00:00,,success\n"
    )  # fmt: skip
    mapped = MAP.replace("[columns]", '[columns]\nstatus = "how"')
    desk.import_text(text, mapped)
    assert set(desk.column("failed").values()) == {False}
    assert desk.column("customer_failures_7d")["p5"] == 1
    desk.import_text(text, mapped + "[status]\nknown_when_judged = true\n")
    assert desk.column("failed") == {"p1": True, "p2": True, "p3": False, "p4": True, "p5": True}


def test_cards_and_addresses_leave_as_keyed_hashes_only(desk: Desk) -> None:
    rows = rows_of(Random(1), 30)
    desk.import_file(_csv(desk, rows), RICH)
    matrix = desk.matrix()
    hashed = blind_index("ip", "1.2.3.4")
    assert hashed is not None
    assert set(matrix["ip"].drop_nulls()) <= {hashed.hex(), (blind_index("ip", "::1") or b"").hex()}
    assert b"1.2.3.4" not in desk.out.read_bytes()


def test_without_a_file_to_write_only_the_counts_come_back(desk: Desk) -> None:
    assert desk.import_text(ROWS, out=None, work=desk.folder).computed == 5
    assert not desk.out.exists()
    assert desk.left_over() == []
