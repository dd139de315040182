"""Runs of frauds known at a merchant, worked out by hand; the oracle checks the same on whole worlds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.compliance.models import Tenant
from apps.fraud.engine.features.case import DAY, SECOND
from apps.fraud.engine.features.risk import run_of
from apps.payments.events import PaymentEvent
from apps.payments.services.recording import payments_record
from tests.engine.oracle.rows import oracle_rows
from tests.engine.oracle.worlds import NOW, World, store

FRAUD, GENUINE = 1, 0
AT = 100 * DAY


def known(*verdicts: tuple[float, str, int]) -> list[tuple[int, bytes, int]]:
    """Days before the payment, which payment was judged, and how."""
    return sorted((AT - int(days * DAY), name.encode(), fraud) for days, name, fraud in verdicts)


def days(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * SECOND / DAY


def test_a_merchant_without_a_known_fraud_has_no_run() -> None:
    assert run_of([], AT) == (0, 0, None, None)
    assert run_of(known((1, "a", GENUINE)), AT) == (0, 0, None, None)


def test_a_run_goes_back_as_long_as_frauds_follow_within_a_week() -> None:
    day, week, last, first = run_of(
        known((0.5, "a", FRAUD), (7.5, "b", FRAUD), (14, "c", FRAUD), (21.1, "d", FRAUD)), AT
    )
    assert (day, week, days(last), days(first)) == (1, 1, 0.5, 14.0)


@pytest.mark.parametrize(("gap", "begins"), [(7.0, 8.0), (7.001, 1.0)])
def test_exactly_a_week_still_follows(gap: float, begins: float) -> None:
    _day, _week, _last, first = run_of(known((1, "a", FRAUD), (1 + gap, "b", FRAUD)), AT)
    assert days(first) == begins


def test_a_run_that_ended_is_told_by_its_distance() -> None:
    assert run_of(known((30, "a", FRAUD), (33, "b", FRAUD)), AT) == (0, 0, 30 * 86_400, 33 * 86_400)


def test_what_becomes_known_later_is_not_known_yet() -> None:
    assert run_of(known((-0.1, "a", FRAUD), (0, "b", FRAUD)), AT) == (1, 1, 0.0, 0.0)


def test_a_payment_cleared_since_is_no_fraud_and_no_link_of_a_run() -> None:
    told = known((2, "a", FRAUD), (8, "b", FRAUD), (3, "b", GENUINE), (14, "c", FRAUD))
    day, week, last, first = run_of(told, AT)
    assert (day, week, days(last), days(first)) == (0, 1, 2.0, 2.0)


def test_of_two_verdicts_as_new_as_each_other_fraud_speaks() -> None:
    assert run_of(known((1, "a", GENUINE), (1, "a", FRAUD)), AT)[:2] == (1, 1)


def test_large_is_more_than_three_times_the_average_of_all_that_came_before(in_tenant: Tenant) -> None:
    at = datetime(2025, 10, 20, 12, tzinfo=UTC)
    customers = tuple({"external_id": name, "country": "FR", "registered_at": at} for name in ("C1", "C2"))
    store(World(customers, (), (), (), ()), in_tenant)

    def paid(name: str, customer: str, amount: str, after: timedelta) -> PaymentEvent:
        return PaymentEvent(
            payment_id=f"{customer} {name}", attempted_at=at + after, event="payment_success", customer_id=customer,
            amount=amount, method="card",
        )  # fmt: skip

    told, hour, week = [], timedelta(hours=1), timedelta(days=7)
    # Nine times 7 and once 27 are 9 on average, and 27 is three times that. A cent more is large.
    for customer, last in (("C1", "27.00"), ("C2", "27.01")):
        told += [paid(str(n), customer, "7.00", n * hour) for n in range(9)]
        told += [paid("last", customer, last, 9 * hour), paid("next", customer, "7.00", 10 * hour)]
        told += [paid("week", customer, "7.00", 9 * hour + week)]
        told += [paid("over", customer, "7.00", 9 * hour + week + timedelta(microseconds=1))]
    assert not payments_record(tenant_id=in_tenant.pk, events=told, source="test", now=NOW).rejected
    rows = oracle_rows(in_tenant.pk)
    large = {name: row["customer_large_7d"] for name, row in rows.items()}
    assert (large["C1 0"], large["C1 1"], large["C1 next"]) == (None, 0, 0)
    assert (large["C2 last"], large["C2 next"]) == (0, 1)
    assert (large["C2 week"], large["C2 over"]) == (1, 0)
