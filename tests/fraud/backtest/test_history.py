"""The past as rows: what was known then, nothing of what came later, and the very values that were scored live."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from django.core.management import CommandError, call_command

from apps.compliance.models import Tenant
from apps.fraud.engine.event import short_key
from apps.fraud.engine.features.catalogue import FEATURES, compute_row
from apps.fraud.selectors.attempts import attempts_in_order, labels_in_order
from apps.fraud.services.history import Period, PeriodEmpty, payments_replayed
from apps.fraud.services.scoring import Decided, payments_decide
from apps.fraud.state.memory_state import MemoryState
from apps.payments.events import PaymentEvent
from apps.payments.models import PaymentStateChange
from tests.engine.oracle.worlds import make_world, store
from tests.factories import NOON, make_customer
from tests.fraud.backtest.conftest import DAY, HOUR, exported, judge, make_shop, pay

NAMES = [feature.name for feature in FEATURES]
# A visit or a device may tell these only once another payment has told them.
TOLD_BY_OTHERS = {"device_kind", "is_mobile", "os", "browser", "utm_source", "utm_campaign"}


def decided(tenant: Tenant, event: PaymentEvent) -> Decided:
    """As it happens: feature state forgets an address that was met long before the present."""
    return payments_decide(tenant_id=tenant.pk, events=[event], source="test", now=event.attempted_at)


@pytest.mark.parametrize("seed", [3, 11])
def test_the_matrix_holds_the_rows_that_were_scored_live(in_tenant: Tenant, tmp_path: Path, seed: int) -> None:
    world = make_world(seed, labelled=0)
    store(replace(world, told=(), results=(), labels=()), in_tenant)
    results = {event.payment_id: event for event in world.results}
    live = {}
    for event in sorted(world.told, key=lambda event: (event.attempted_at, short_key(event.payment_id))):
        [made] = decided(in_tenant, event).made.values()
        live[event.payment_id] = dict(zip(NAMES, made.judged.row, strict=True))
        if event.payment_id in results:
            decided(in_tenant, results[event.payment_id])
    _done, matrix = exported(in_tenant, tmp_path)
    assert len(matrix) == len(live) == len(world.told)
    for row in matrix.iter_rows(named=True):
        told = live[row["payment_id"]]
        assert {name: row[name] for name in NAMES if name not in TOLD_BY_OTHERS} == {
            name: value for name, value in told.items() if name not in TOLD_BY_OTHERS
        }


@pytest.mark.parametrize("seed", range(6))
def test_a_replay_gives_the_rows_of_the_memory_that_scores(in_tenant: Tenant, seed: int) -> None:
    store(make_world(seed), in_tenant)
    zone = ZoneInfo(in_tenant.time_zone)

    def rows(state: MemoryState | None) -> list[list[object]]:
        replayed = payments_replayed(tenant_id=in_tenant.pk, state=state)
        return [list(compute_row(attempt.told, history, zone)) for attempt, history in replayed]

    assert rows(None) == rows(MemoryState())


def test_each_column_has_the_type_of_its_feature(shop: Tenant, tmp_path: Path) -> None:
    done, matrix = exported(shop, tmp_path)
    types = {"number": pl.Float64, "integer": pl.Int64, "boolean": pl.Boolean, "text": pl.String}
    assert {feature.name: matrix.schema[feature.name] for feature in FEATURES} == {
        feature.name: types[feature.kind] for feature in FEATURES
    }
    assert (done.rows, done.labelled, done.frauds, done.warmed) == (8, 3, 2, 0)
    assert done.history_from == NOON


def test_a_row_says_who_when_and_what_it_turned_out_to_be(shop: Tenant, tmp_path: Path) -> None:
    _done, matrix = exported(shop, tmp_path)
    row = matrix.filter(pl.col("amount_eur") == 500).row(0, named=True)
    assert (row["customer"], row["at"]) == ("eve", NOON + 3 * DAY)
    assert (row["is_fraud"], row["label_known_at"]) == (True, NOON + 4 * DAY + HOUR)
    unlabelled = matrix.filter(pl.col("customer") == "kim").row(0, named=True)
    assert (unlabelled["is_fraud"], unlabelled["label_known_at"]) == (None, None)


def test_a_fraud_counts_only_since_it_was_known(shop: Tenant, tmp_path: Path) -> None:
    _done, matrix = exported(shop, tmp_path)
    eve = matrix.filter(pl.col("customer") == "eve").sort("at")
    assert eve["customer_frauds"].to_list() == [0, 0, 1]


def test_of_two_verdicts_the_later_one_stands(in_tenant: Tenant, tmp_path: Path) -> None:
    payment = pay(in_tenant, make_customer(in_tenant), 30, NOON)
    judge(payment, is_fraud=True, known_at=NOON + DAY)
    judge(payment, is_fraud=False, known_at=NOON + 2 * DAY, source="analyst")
    done, matrix = exported(in_tenant, tmp_path)
    assert matrix.select("is_fraud", "label_known_at").row(0) == (False, NOON + 2 * DAY)
    assert (done.labelled, done.frauds) == (1, 0)


def test_a_pending_payment_is_judged_without_its_result_and_remembered_with_it(
    in_tenant: Tenant, tmp_path: Path
) -> None:
    customer = make_customer(in_tenant)
    first = pay(in_tenant, customer, 30, NOON)
    PaymentStateChange.objects.create(
        payment_id=first.pk, from_status_id="pending", to_status_id="failed", actor="test", reason="test",
        changed_at=NOON,
    )  # fmt: skip
    pay(in_tenant, customer, 30, NOON + HOUR, status="failed", failure_code="stolen_card")
    _done, matrix = exported(in_tenant, tmp_path)
    rows = matrix.sort("at").select("failed", "failure_code", "customer_failures_24h").rows()
    assert rows == [(False, None, 0), (True, "stolen_card", 1)]


def test_payments_of_one_instant_have_the_order_that_features_have(in_tenant: Tenant, tmp_path: Path) -> None:
    """Their numbers in the database say nothing of which one is earlier."""
    customer = make_customer(in_tenant)
    names = sorted((f"P{n}" for n in range(6)), key=short_key, reverse=True)
    for name in names:
        pay(in_tenant, customer, 30, NOON, external_id=name)
    _done, matrix = exported(in_tenant, tmp_path)
    counted = dict(matrix.select("payment_id", "previous_payments").rows())
    assert [counted[name] for name in names] == [5, 4, 3, 2, 1, 0]


def test_what_lies_before_the_period_is_replayed_and_not_written(shop: Tenant, tmp_path: Path) -> None:
    _whole, everything = exported(shop, tmp_path)
    period = Period(NOON + 2 * DAY, NOON + 5 * DAY)
    done, matrix = exported(shop, tmp_path, period)
    assert (done.rows, done.warmed, done.history_from) == (3, 3, NOON)
    assert matrix.equals(everything.filter(pl.col("at").is_between(period.start, period.end, closed="left")))


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(PeriodEmpty):
        Period(NOON, NOON)


def test_a_tenant_without_payments_has_an_empty_matrix_with_all_columns(in_tenant: Tenant, tmp_path: Path) -> None:
    done, matrix = exported(in_tenant, tmp_path)
    assert (done.rows, done.history_from, len(matrix)) == (0, None, 0)
    assert set(NAMES) < set(matrix.columns)


def test_another_tenants_payments_are_in_no_row_and_change_no_row(
    shop: Tenant, neighbour: Tenant, tmp_path: Path
) -> None:
    before = exported(shop, tmp_path)[1]
    make_shop(neighbour)
    assert exported(shop, tmp_path)[1].equals(before)


def test_chunks_of_any_size_give_the_same_attempts_and_labels(in_tenant: Tenant) -> None:
    store(make_world(2), in_tenant)
    whole = [attempt for part in attempts_in_order(in_tenant.pk) for attempt in part]
    assert [attempt for part in attempts_in_order(in_tenant.pk, chunk=3) for attempt in part] == whole
    labels = list(labels_in_order(in_tenant.pk))
    assert list(labels_in_order(in_tenant.pk, chunk=2)) == labels
    assert [label.known_at for label in labels] == sorted(label.known_at for label in labels)


def test_the_command_writes_the_file_and_counts_a_day_in_the_tenants_own_zone(shop: Tenant, tmp_path: Path) -> None:
    pay(shop, make_customer(shop), 30, datetime(2025, 12, 1, 23, 30, tzinfo=UTC))  # already the 2nd in Paris
    file, out = tmp_path / "matrix.parquet", StringIO()
    call_command("export_features", "--out", str(file), "--from", "2025-12-02", "--json", stdout=out, verbosity=0)
    said = json.loads(out.getvalue())
    assert (said["rows"], said["warmed"], said["bytes"]) == (7, 2, file.stat().st_size)
    assert len(pl.read_parquet(file)) == 7


def test_the_command_says_what_is_wrong_with_what_it_was_given(shop: Tenant, tmp_path: Path) -> None:
    file = str(tmp_path / "matrix.parquet")
    with pytest.raises(CommandError, match="no tenant 'nobody'"):
        call_command("export_features", "--out", file, "--tenant", "nobody")
    with pytest.raises(CommandError, match="--from takes a day"):
        call_command("export_features", "--out", file, "--from", "yesterday")
    with pytest.raises(CommandError, match="There is no folder"):
        call_command("export_features", "--out", str(tmp_path / "none" / "matrix.parquet"))
