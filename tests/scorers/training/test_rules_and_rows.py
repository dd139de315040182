"""A tenant's own rows, and what its rules say of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from apps.compliance.models import Tenant
from apps.fraud.engine.features.catalogue import INDEX, VERSION
from apps.fraud.engine.rules import NO_LISTS
from apps.fraud.models import Decision
from apps.fraud.services import training_rows
from apps.fraud.services.feature_matrix import SCHEMA
from apps.fraud.services.history import EVER, Period, features_export
from apps.fraud.services.rule_files import ruleset_install, shipped_rules, shipped_sets
from apps.fraud.services.ruleset_compare import ruleset_of
from apps.fraud.services.training_rows import training_matrix
from apps.fraud.services.training_rules import RulesUnknown, rules_beside, rules_by_name, rules_said
from tests.factories import NOON, make_payment
from tests.fraud.backtest.conftest import make_shop

DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(in_tenant: Tenant) -> Tenant:
    make_shop(in_tenant)
    return in_tenant


@pytest.fixture
def replayed(shop: Tenant, tmp_path: Path) -> pl.DataFrame:
    features_export(tenant=shop, path=tmp_path / "replayed.parquet")
    return pl.read_parquet(tmp_path / "replayed.parquet")


def decide(tenant: Tenant, frame: pl.DataFrame, rows: slice, **changes: Any) -> None:
    """Decisions with a row of their own: the same, but for a mark that no replay gives."""
    for one in frame[rows].iter_rows(named=True):
        values = [one[name] for name in INDEX]
        values[INDEX["utm_campaign"]] = "stored"
        fields = {"catalogue_version": VERSION, "degraded": False, **changes}
        Decision.objects.create(
            payment_id=one["reference_id"], decided_at=NOON, outcome=0, score=0.1, points=0, source="test",
            latency_us=1, timings=[], features=msgspec.msgpack.encode(values), inputs="{}", judgement="{}", **fields,
        )  # fmt: skip


def made(tenant: Tenant, folder: Path, **asked: Any) -> tuple[Any, pl.DataFrame]:
    done = training_matrix(tenant=tenant, path=folder / "made.parquet", **asked)
    return done, pl.read_parquet(folder / "made.parquet").sort("at")


def test_without_stored_decisions_every_row_is_replayed(shop: Tenant, replayed: pl.DataFrame, tmp_path: Path) -> None:
    done, frame = made(shop, tmp_path)
    assert (done.rows, done.stored) == (8, 0)
    assert frame.equals(replayed.sort("at"))


def test_stored_rows_stand_in_the_place_of_replayed_ones(shop: Tenant, replayed: pl.DataFrame, tmp_path: Path) -> None:
    decide(shop, replayed, slice(2, 5))
    done, frame = made(shop, tmp_path)
    assert (done.rows, done.stored) == (8, 3)
    assert frame["utm_campaign"].to_list() == [None] * 2 + ["stored"] * 3 + [None] * 3
    assert frame.columns == SCHEMA.names
    assert frame.drop("utm_campaign").equals(replayed.sort("at").drop("utm_campaign"))


def test_where_all_are_stored_nothing_is_replayed(shop: Tenant, replayed: pl.DataFrame, tmp_path: Path) -> None:
    decide(shop, replayed, slice(0, 8))
    done, frame = made(shop, tmp_path)
    assert (done.rows, done.stored) == (8, 8)
    assert set(frame["utm_campaign"]) == {"stored"}
    assert frame.drop("utm_campaign").equals(replayed.sort("at").drop("utm_campaign"))


def test_a_payment_that_comes_while_stored_rows_are_read_is_left_for_the_next_training(
    shop: Tenant, replayed: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(shop, replayed, slice(0, 8))
    asked = training_rows._all_stored

    def then_one_comes(tenant_id: int, period: Period) -> bool:
        answer = asked(tenant_id, period)
        make_payment(shop, external_id="LATE", attempted_at=NOON + 2 * DAY)
        return answer

    monkeypatch.setattr(training_rows, "_all_stored", then_one_comes)
    done, frame = made(shop, tmp_path)
    assert (done.rows, done.stored) == (8, 8)
    assert "LATE" not in set(frame["payment_id"])


def test_payments_without_a_row_are_looked_for_without_a_list_of_all_decisions(shop: Tenant) -> None:
    """NOT IN of millions of decisions, which no memory holds, would be read once a payment."""
    plan = training_rows.without_row(shop.pk, EVER).explain()
    assert "Anti Join" in plan
    assert "SubPlan" not in plan


@pytest.mark.parametrize("changes", [{"degraded": True}, {"catalogue_version": "older"}])
def test_rows_that_lacked_something_or_are_of_another_catalogue_are_replayed(
    shop: Tenant, replayed: pl.DataFrame, tmp_path: Path, changes: dict[str, Any]
) -> None:
    decide(shop, replayed, slice(0, 8), **changes)
    assert made(shop, tmp_path)[0].stored == 0


def test_a_period_has_its_payments_alone_stored_or_not(shop: Tenant, replayed: pl.DataFrame, tmp_path: Path) -> None:
    period = Period(NOON + DAY, NOON + 4 * DAY)
    assert made(shop, tmp_path, period=period)[0].rows == 3
    decide(shop, replayed, slice(0, 8))
    done, frame = made(shop, tmp_path, period=period)
    assert (done.rows, done.stored) == (3, 3)
    assert frame["at"].min() == NOON + DAY


@pytest.mark.parametrize("stored", [False, True])
def test_labels_are_those_of_the_date(shop: Tenant, replayed: pl.DataFrame, tmp_path: Path, stored: bool) -> None:
    if stored:
        decide(shop, replayed, slice(0, 8))
    assert made(shop, tmp_path)[1]["is_fraud"].sum() == 2
    then = made(shop, tmp_path, known_on=NOON + 5 * DAY)[1]
    assert then["is_fraud"].sum() == 1
    assert then["label_known_at"].drop_nulls().to_list() == [NOON + 4 * DAY + timedelta(hours=1)]


def test_rules_say_of_each_row_what_they_say_live(replayed: pl.DataFrame, tmp_path: Path) -> None:
    for name in shipped_sets():
        rules = ruleset_of(shipped_rules(name=name), name, INDEX)
        said = rules_said(tmp_path / "replayed.parquet", rules.rules)
        rows = replayed.select(list(INDEX)).iter_rows()
        points = [rules.points(rules.evaluate(row, NO_LISTS, 0)) for row in rows]
        assert said.points.tolist() == points
        assert any(points)


def test_the_set_beside_the_scorer_comes_first(replayed: pl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "replayed.parquet"
    assert next(iter(rules_by_name(path, "recommended"))) == "recommended"
    assert set(rules_by_name(path, "none")) == set(shipped_sets())


def test_a_tenant_without_rules_in_force_leaves_the_scorer_alone(in_tenant: Tenant) -> None:
    assert rules_beside("own") == "none"
    ruleset_install(tenant=in_tenant, name="recommended", now=NOON)
    assert rules_beside("own") == "own"


def test_the_tenants_own_rules_come_before_the_shipped_ones(
    shop: Tenant, replayed: pl.DataFrame, tmp_path: Path
) -> None:
    ruleset_install(tenant=shop, name="recommended", now=NOON)
    found = rules_by_name(tmp_path / "replayed.parquet", "own")
    assert list(found) == ["recommended #1", "kivendtout-original", "recommended"]
    assert found["recommended #1"].points.tolist() == found["recommended"].points.tolist()


def test_a_rule_set_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(RulesUnknown, match=r"There are: own, none, kivendtout-original, recommended\."):
        rules_beside("mine")
