"""The oracle itself, against values worked out by hand: the edges that every window and label must get right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.compliance.models import Tenant
from apps.payments.events import PaymentEvent
from apps.payments.services.recording import payments_record
from tests.engine.oracle.rows import Row, oracle_rows
from tests.engine.oracle.worlds import MICROSECOND, NOW, Label, World, store, store_labels

AT = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)  # 02:30 in Paris, half an hour before its clocks go back


@pytest.fixture
def shop(in_tenant: Tenant) -> Tenant:
    customers = tuple({"external_id": name, "country": "FR", "registered_at": AT} for name in ("C1", "C2"))
    store(World(customers, ({"external_id": "M1", "mcc": "5732"},), (), (), ()), in_tenant)
    return in_tenant


def rows(tenant: Tenant, *payments: PaymentEvent, labels: tuple[Label, ...] = ()) -> dict[str, Row]:
    assert not payments_record(tenant_id=tenant.pk, events=payments, source="test", now=NOW).rejected
    store_labels(labels, tenant)
    return oracle_rows(tenant.pk)


def paid(name: str, at: datetime, **fields: Any) -> PaymentEvent:
    values = {
        "event": "payment_success", "customer_id": "C1", "amount": "10.00", "method": "card", "device_id": "D1",
        **fields,
    }  # fmt: skip
    return PaymentEvent(payment_id=name, attempted_at=at, **values)


def test_a_window_begins_exactly_its_length_before_the_payment(shop: Tenant) -> None:
    ten = timedelta(minutes=10)
    found = rows(
        shop, paid("outside", AT - ten - MICROSECOND), paid("edge", AT - ten), paid("now", AT),
    )["now"]  # fmt: skip
    assert (found["customer_attempts_10m"], found["customer_attempts_1h"]) == (2, 3)
    assert (found["customer_successes_10m"], found["customer_amount_10m"]) == (1, 20.0)


def test_of_two_payments_of_one_instant_one_is_earlier(shop: Tenant) -> None:
    found = rows(shop, paid("a", AT), paid("b", AT))
    # SHA-256 of "b" begins with 3e23, that of "a" with ca97.
    assert (found["b"]["customer_attempts_10m"], found["a"]["customer_attempts_10m"]) == (1, 2)
    assert (found["b"]["previous_payments"], found["a"]["previous_payments"]) == (0, 1)


def test_a_day_is_24_hours_when_the_clocks_change(shop: Tenant) -> None:
    found = rows(shop, paid("before", AT), paid("after", AT + timedelta(hours=24)))
    assert (found["before"]["hour"], found["after"]["hour"]) == (2, 1)
    assert found["after"]["customer_attempts_24h"] == 2


def test_a_merchant_s_minutes_are_whole_and_leave_the_current_one_out(shop: Tenant) -> None:
    minute, at = timedelta(minutes=1), AT + timedelta(seconds=30)
    found = rows(
        shop, paid("too old", AT - 10 * minute - MICROSECOND, merchant_id="M1"),
        paid("oldest", AT - 10 * minute, merchant_id="M1", amount="4.00"),
        paid("last", AT - MICROSECOND, merchant_id="M1"), paid("this minute", AT, merchant_id="M1"),
        paid("now", at, merchant_id="M1"),
    )["now"]  # fmt: skip
    assert (found["merchant_attempts_10m"], found["merchant_amount_10m"]) == (2, 14.0)
    assert found["merchant_attempts_7d"] == 0 and found["merchant_amount_mean"] is None


def test_a_label_counts_from_the_moment_it_is_known_until_another_overrules_it(shop: Tenant) -> None:
    week = timedelta(days=7)
    labels = (Label("bad", "export", True, AT + week), Label("bad", "analyst", False, AT + 2 * week))
    found = rows(
        shop, paid("bad", AT), paid("not yet", AT + week - MICROSECOND), paid("known", AT + week),
        paid("cleared", AT + 2 * week), labels=labels,
    )  # fmt: skip
    frauds = [found[name]["customer_frauds"] for name in ("bad", "not yet", "known", "cleared")]
    assert frauds == [0, 0, 1, 0]
    assert found["known"]["device_frauds"] == 1 and found["known"]["card_frauds"] is None


def test_averages_leave_the_payment_itself_out(shop: Tenant) -> None:
    hour = timedelta(hours=1)
    found = rows(
        shop, paid("one", AT, amount="10.00"), paid("two", AT + hour, amount="20.00"),
        paid("now", AT + 2 * hour, amount="30.00"),
    )["now"]  # fmt: skip
    assert (found["customer_amount_mean"], found["customer_amount_std"]) == (15.0, 5.0)
    assert (found["amount_ratio"], found["amount_deviation"]) == (2.0, 3.0)
    assert (found["seconds_since_last_payment"], found["seconds_since_device_seen"]) == (3600.0, 7200.0)


def test_half_a_cent_is_rounded_up(shop: Tenant) -> None:
    # At 398 forints a euro.
    found = rows(shop, paid("half", AT, amount="1.99", currency="HUF"), paid("less", AT, amount="1.98", currency="HUF"))
    assert (found["half"]["amount_eur"], found["less"]["amount_eur"]) == (0.01, 0.0)


def test_what_is_new_is_new_to_this_customer(shop: Tenant) -> None:
    hour = timedelta(hours=1)
    found = rows(
        shop, paid("other's", AT, customer_id="C2", device_id="D2", ip_hash="I2"),
        paid("first", AT, ip_hash="I1"), paid("hop", AT + hour, device_id="D2", ip_hash="I2"),
        paid("back", AT + 2 * hour + MICROSECOND, ip_hash="I1"),
    )  # fmt: skip
    assert found["first"]["new_device"] is None
    assert (found["hop"]["new_device"], found["back"]["new_device"]) == (True, False)
    assert (found["hop"]["device_ip_change_1h"], found["back"]["device_ip_change_1h"]) == (True, False)
    assert (found["hop"]["device_customers_24h"], found["hop"]["customer_devices_1h"]) == (2, 2)
