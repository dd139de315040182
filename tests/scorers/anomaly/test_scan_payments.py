"""A scan over stored decisions: what is planted is raised with its reasons, little else, and nothing twice."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.compliance.models import Tenant
from apps.fraud.engine.features.feature import Value
from apps.fraud.models import (
    Anomaly,
    AnomalyDetector,
    Decision,
    FeatureCatalogue,
    FraudAlert,
    FraudLabel,
    Outbox,
)
from apps.fraud.selectors.anomalies import decision_rows
from apps.fraud.services import anomalies_payments
from apps.fraud.services.anomalies import BUDGETS
from apps.fraud.services.anomalies_payments import payments_scan
from apps.fraud.tasks_anomaly import scan_payments
from kivendtout.lib.tenancy import tenant_scope
from tests.conftest import NOON
from tests.scorers.anomaly.people import payments
from tests.scorers.anomaly.stored import customer_of, decided

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
COUNT = 260
ODD: dict[str, Value] = {"amount_eur": 4_950.0, "amount_ratio": 61.0, "payment_country": "NG", "hour": 3}
BURST: dict[str, Value] = {"customer_attempts_1h": 40, "device_attempts_1h": 44, "device_customers_30d": 17}


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of what a scan asks for, so that a test stores half as much."""
    monkeypatch.setattr(anomalies_payments, "LEAST_ROWS", 250)


def rows_with(*planted: tuple[int, dict[str, Value]], count: int = COUNT, seed: int = 7) -> list[dict[str, Value]]:
    rows = payments(count, seed=seed)
    for place, odd in planted:
        rows[place] |= odd
    return rows


@pytest.fixture
def stored(in_tenant: Tenant) -> list[Decision]:
    """Six days of payments; on the last of them, two that are odd."""
    return decided(in_tenant, rows_with((235, ODD), (248, ODD | BURST)), start=NOON - 6 * DAY, spread=6 * DAY)


def names(anomaly: Anomaly) -> set[str]:
    return {one["name"] for one in anomaly.fields}


def test_planted_payments_are_raised_first_and_for_what_was_planted(in_tenant: Tenant, stored: list[Decision]) -> None:
    scan = payments_scan(tenant=in_tenant, now=NOON)
    first, second = scan.raised[:2]
    assert {first.payment_id, second.payment_id} == {stored[248].pk, stored[235].pk}
    assert names(second) == set(ODD)
    assert names(first) <= set(ODD | BURST)
    assert first.unusual > 0.99
    assert all("fr" in one and "en" in one for one in first.fields)


def test_an_anomaly_says_whose_payment_which_day_and_what_it_was_compared_with(
    in_tenant: Tenant, stored: list[Decision]
) -> None:
    scan = payments_scan(tenant=in_tenant, now=NOON)
    one = Anomaly.objects.get(payment_id=stored[235].pk)
    assert one.actor == customer_of(stored[235])
    assert one.period_start.isoformat() == "2025-11-29T23:00:00+00:00"  # midnight in Paris
    assert one.period_end - one.period_start == DAY
    assert (one.sample_rows, one.detector) == (COUNT, scan.learned and scan.learned.detector)
    assert one.sample_start == stored[0].decided_at


def test_a_scan_decides_nothing(in_tenant: Tenant, stored: list[Decision]) -> None:
    assert payments_scan(tenant=in_tenant, now=NOON).raised
    assert not FraudAlert.objects.exists()
    assert not FraudLabel.objects.exists()
    assert not Outbox.objects.exists()


def test_a_repeated_scan_raises_nothing_twice(in_tenant: Tenant, stored: list[Decision]) -> None:
    first = payments_scan(tenant=in_tenant, now=NOON)
    period = {"start": NOON - DAY, "end": NOON}
    again = payments_scan(tenant=in_tenant, now=NOON, **period)
    assert (len(again.raised), again.known) == (0, len(first.raised))
    assert Anomaly.objects.count() == len(first.raised)


def test_the_same_rows_give_the_same_anomalies(in_tenant: Tenant, stored: list[Decision]) -> None:
    def told(raised: list[Anomaly]) -> list[tuple[int | None, float, str]]:
        return [(one.payment_id, one.score, one.detector) for one in raised]

    first = told(payments_scan(tenant=in_tenant, now=NOON).raised)
    Anomaly.objects.all().delete()
    AnomalyDetector.objects.all().delete()
    assert told(payments_scan(tenant=in_tenant, now=NOON).raised) == first


def test_the_next_scan_goes_on_where_the_last_one_ended(in_tenant: Tenant, stored: list[Decision]) -> None:
    payments_scan(tenant=in_tenant, now=NOON)
    assert AnomalyDetector.objects.get().scanned_to == NOON
    decided(in_tenant, rows_with((20, ODD), count=40, seed=8), start=NOON, spread=timedelta(hours=1))
    later = payments_scan(tenant=in_tenant, now=NOON + timedelta(hours=1))
    assert 40 <= later.rows < 60  # and ten minutes of before
    assert len(later.raised) >= 1


def test_no_more_are_raised_in_a_day_than_the_tenant_wants(in_tenant: Tenant) -> None:
    planted = [(place, ODD | {"amount_eur": 5_000.0 + place}) for place in range(220, 230)]
    decided(in_tenant, rows_with(*planted), start=NOON - 6 * DAY, spread=6 * DAY)
    AnomalyDetector.objects.create(tenant=in_tenant, kind="payment", daily_budget=3)
    scan = payments_scan(tenant=in_tenant, now=NOON, start=NOON - 2 * DAY, end=NOON)
    assert len(scan.raised) <= 3
    again = payments_scan(tenant=in_tenant, now=NOON + timedelta(hours=1), start=NOON - 6 * DAY, end=NOON)
    assert len(scan.raised) + len(again.raised) <= 3


def test_a_budget_of_nought_raises_nothing(in_tenant: Tenant, stored: list[Decision]) -> None:
    AnomalyDetector.objects.create(tenant=in_tenant, kind="payment", daily_budget=0)
    assert payments_scan(tenant=in_tenant, now=NOON).raised == []


def test_ordinary_payments_raise_less_than_the_budget(in_tenant: Tenant) -> None:
    decided(in_tenant, rows_with(), start=NOON - 6 * DAY, spread=6 * DAY)
    scan = payments_scan(tenant=in_tenant, now=NOON)
    assert len(scan.raised) < BUDGETS["payment"] / 2


def test_of_a_customers_day_only_the_oddest_is_raised(in_tenant: Tenant) -> None:
    same = [(200, ODD), (225, ODD | {"amount_eur": 9_999.0} | BURST)]  # customers take turns, 25 of them
    rows = decided(in_tenant, rows_with(*same), start=NOON - 6 * DAY, spread=6 * DAY)
    assert customer_of(rows[200]) == customer_of(rows[225])
    raised = {one.payment_id for one in payments_scan(tenant=in_tenant, now=NOON, start=NOON - 3 * DAY).raised}
    assert rows[225].pk in raised
    assert rows[200].pk not in raised


def test_too_few_payments_to_learn_from_raise_nothing_and_are_looked_at_later(in_tenant: Tenant) -> None:
    decided(in_tenant, rows_with((30, ODD), count=50), start=NOON - DAY, spread=DAY)
    scan = payments_scan(tenant=in_tenant, now=NOON)
    assert (scan.learned, scan.raised) == (None, [])
    assert AnomalyDetector.objects.get().scanned_to is None


def test_another_tenants_payments_are_never_seen(tenant: Tenant, neighbour: Tenant) -> None:
    decided(neighbour, rows_with((235, ODD)), start=NOON - 6 * DAY, spread=6 * DAY)
    assert payments_scan(tenant=tenant, now=NOON).learned is None
    with tenant_scope(neighbour.pk):
        assert payments_scan(tenant=neighbour, now=NOON).raised
    with tenant_scope(tenant.pk):
        assert not Anomaly.objects.exists()


def test_a_large_history_is_sampled_the_same_way_each_time(
    in_tenant: Tenant, stored: list[Decision], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anomalies_payments, "MOST_ROWS", 200)
    scan = payments_scan(tenant=in_tenant, now=NOON)
    assert scan.learned is not None
    assert scan.learned.rows <= 200
    assert stored[235].pk in {one.payment_id for one in scan.raised}


def test_rows_of_an_earlier_catalogue_are_read_by_their_names(in_tenant: Tenant) -> None:
    """A feature that was not there yet is missing, and so no surprise."""
    columns = "hour integer\namount_eur number"
    version = sha256(columns.encode()).hexdigest()[:12]
    FeatureCatalogue.objects.create(version=version, columns=columns, first_used_at=NOON)
    decided(in_tenant, [{}], start=NOON, spread=DAY, version=version, packed=[4, 12.5])
    [rows] = decision_rows(Decision.objects.all(), ["amount_eur", "hour", "method"])
    assert rows.columns == {"amount_eur": [12.5], "hour": [4], "method": [None]}


def test_the_command_prints_one_object(
    in_tenant: Tenant, stored: list[Decision], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.fraud.management.commands.scan_payments.now", lambda: NOON)
    out = StringIO()
    call_command("scan_payments", "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert said["sample_rows"] == COUNT
    assert {one["payment"] for one in said["raised"]} >= {stored[235].pk, stored[248].pk}
    assert said["raised"][0]["fields"][0]["en"]


def test_the_command_says_what_it_found_in_words(
    in_tenant: Tenant, stored: list[Decision], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.fraud.management.commands.scan_payments.now", lambda: NOON)
    out = StringIO()
    call_command("scan_payments", stdout=out)
    assert "amount in euros, at the reference rate: 4,950" in out.getvalue()
    with pytest.raises(CommandError, match="There is no file"):
        call_command("scan_payments", "--matrix", "nowhere.parquet")


def test_the_job_scans_each_tenant(
    in_tenant: Tenant, stored: list[Decision], neighbour: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.fraud.tasks_anomaly.now", lambda: NOON)
    raised = scan_payments()
    assert raised == Anomaly.objects.count() > 0
