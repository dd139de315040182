from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.compliance.models import Tenant
from apps.customers.models import Customer, Device, WebSession
from apps.payments.models import Merchant, Order, OrderItem, Payment, PaymentMethod, PaymentStateChange, Product
from apps.payments.services.orders import orders_record
from apps.payments.services.recording import RecordResult, payments_record
from kivendtout.lib.crypto.hashing import keyed_hash
from kivendtout.lib.tenancy import across_tenants, tenant_scope
from kivendtout.lib.trace import trace_scope
from tests.factories import make_customer
from tests.ingestion.messages import AT, NOW, order_event, payment_event


@pytest.fixture
def customer(in_tenant: Tenant) -> Customer:
    return make_customer(in_tenant, external_id="C1")


def record(tenant: Tenant, *events: Any) -> RecordResult:
    return payments_record(tenant_id=tenant.pk, events=events, source="test", now=NOW)


def only_payment() -> Payment:
    return Payment.objects.select_related("method", "device", "session", "merchant").get()


def test_an_attempt_becomes_a_pending_payment_with_all_it_needs(in_tenant: Tenant, customer: Customer) -> None:
    event = payment_event(
        device_id="dev_1", device_kind="ios", os="iOS 18", browser="App", session_id="S1", session_started_at=AT,
        utm_source="direct", payment_country="FR", issuer_country="BE", ip_hash="ab12", card_fingerprint="token",
    )  # fmt: skip

    result = record(in_tenant, event)

    payment = only_payment()
    assert result.new == [payment.pk]
    assert (payment.status_id, str(payment.amount), payment.customer_id) == ("pending", "42.500", customer.pk)
    assert (payment.recorded_by, payment.recorded_at, payment.payment_country) == ("test", NOW, "FR")
    assert (payment.method.bin, payment.method.last_four, payment.method.issuer_country) == ("497010", "1234", "BE")
    assert payment.device and (payment.device.kind, payment.device.os, payment.device.first_seen_at) == (
        "ios", "iOS 18", AT,
    )  # fmt: skip
    assert payment.session and (payment.session.external_id, payment.session.device_id) == ("S1", payment.device_id)


def test_what_the_sender_tells_beside_is_kept(in_tenant: Tenant, customer: Customer) -> None:
    cart_at = AT - timedelta(seconds=27)
    told = {"ip_country": "US", "billing_country": "BE", "cart_at": cart_at, "basket_size": 3, "adult_restricted": True}
    record(in_tenant, payment_event(**told), payment_event(event="payment_success"))

    payment = only_payment()

    assert {name: getattr(payment, name) for name in told} == told
    assert payment.status_id == "success"


def test_what_the_sender_does_not_tell_stays_unknown(in_tenant: Tenant, customer: Customer) -> None:
    record(in_tenant, payment_event())

    payment = only_payment()

    assert (payment.ip_country, payment.billing_country) == ("", "")
    assert (payment.cart_at, payment.basket_size, payment.adult_restricted) == (None, None, None)


def test_addresses_and_cards_are_stored_as_keyed_hashes_only(in_tenant: Tenant, customer: Customer) -> None:
    record(in_tenant, payment_event(ip_hash="ab12", card_fingerprint="token", session_id="S1"))

    payment = only_payment()
    assert payment.ip_hash is not None and bytes(payment.ip_hash) == keyed_hash("ip", "ab12")
    assert payment.session and bytes(payment.session.ip_hash or b"") == keyed_hash("ip", "ab12")
    assert bytes(payment.method.number_hash or b"") == keyed_hash("card", "token")


def test_repeating_changes_nothing(in_tenant: Tenant, customer: Customer) -> None:
    events = [payment_event(device_id="d", session_id="S1"), payment_event(payment_id="PAY2", device_id="d")]
    record(in_tenant, *events)

    again = record(in_tenant, *events)

    assert (again.new, again.changed, again.repeated, again.rejected) == ([], [], 2, [])
    assert (Payment.objects.count(), Device.objects.count(), WebSession.objects.count()) == (2, 1, 1)
    assert PaymentMethod.objects.count() == 1


def test_the_same_payment_twice_in_one_batch_is_one_payment(in_tenant: Tenant, customer: Customer) -> None:
    result = record(in_tenant, payment_event(), payment_event())

    assert (len(result.new), result.repeated, Payment.objects.count()) == (1, 1, 1)


@pytest.mark.parametrize(("event", "status"), [("payment_success", "success"), ("payment_failed", "failed")])
def test_a_result_moves_the_pending_payment(in_tenant: Tenant, customer: Customer, event: str, status: str) -> None:
    record(in_tenant, payment_event())

    with trace_scope("a" * 32):
        result = record(in_tenant, payment_event(event=event, failure_code="do_not_honor"))

    payment, change = only_payment(), PaymentStateChange.objects.get()
    assert (result.new, result.changed) == ([], [payment.pk])
    assert (payment.status_id, payment.initial_status_id) == (status, "pending")
    assert (change.from_status_id, change.to_status_id, change.actor, change.changed_at) == (
        "pending", status, "test", NOW,
    )  # fmt: skip
    assert change.trace_id == "a" * 32
    assert payment.failure_code == "do_not_honor"


def test_attempt_and_result_in_one_batch_leave_both_traces(in_tenant: Tenant, customer: Customer) -> None:
    result = record(in_tenant, payment_event(), payment_event(event="payment_success"))

    assert (len(result.new), len(result.changed), result.repeated) == (1, 1, 0)
    assert only_payment().status_id == "success"


def test_a_result_before_its_attempt_is_recorded_and_the_attempt_changes_nothing(
    in_tenant: Tenant, customer: Customer
) -> None:
    record(in_tenant, payment_event(event="payment_success"))

    late = record(in_tenant, payment_event())

    assert (late.repeated, late.rejected) == (1, [])
    assert (only_payment().status_id, PaymentStateChange.objects.count()) == ("success", 0)


def test_the_result_answers_for_every_event(in_tenant: Tenant, customer: Customer) -> None:
    before = record(in_tenant, payment_event(payment_id="OLD"), payment_event(payment_id="DONE")).new

    result = record(
        in_tenant,
        payment_event(payment_id="Z"),
        payment_event(payment_id="BAD", customer_id="C9"),
        payment_event(payment_id="OLD"),
        payment_event(payment_id="A"),
        payment_event(payment_id="DONE", event="payment_success"),
        payment_event(payment_id="Z", event="payment_failed"),
        payment_event(payment_id="LATE", attempted_at=NOW + timedelta(days=2)),
        payment_event(payment_id="Z", amount="1.00"),
        payment_event(payment_id="DONE", event="payment_failed"),
        payment_event(payment_id="A"),
    )

    ids = dict(Payment.objects.values_list("reference__external_id", "pk"))
    assert list(zip(result.new_at, result.new, strict=True)) == [(0, ids["Z"]), (3, ids["A"])]
    assert result.known == {2: ids["OLD"], 4: ids["DONE"], 5: ids["Z"], 9: ids["A"]}
    assert before == [ids["OLD"], ids["DONE"]]
    assert result.rejected_at == [1, 6, 7, 8]
    assert (sorted(result.changed), result.repeated) == (sorted([ids["DONE"], ids["Z"]]), 2)


def test_repeats_are_known_by_the_number_they_got_first(in_tenant: Tenant, customer: Customer) -> None:
    events = [payment_event(payment_id="B"), payment_event(payment_id="A")]
    first = record(in_tenant, *events)

    again = record(in_tenant, *events[::-1])

    assert (first.new_at, first.known) == ([0, 1], {})
    assert (again.new_at, again.known) == ([], {0: first.new[1], 1: first.new[0]})


def test_a_result_told_again_after_a_refund_changes_nothing(in_tenant: Tenant, customer: Customer) -> None:
    record(in_tenant, payment_event(), payment_event(event="payment_success"))
    payment = only_payment()
    PaymentStateChange.objects.create(
        payment_id=payment.pk, from_status_id="success", to_status_id="refunded", actor="x", reason="y", changed_at=NOW
    )

    again = record(in_tenant, payment_event(event="payment_success"))

    assert (again.repeated, again.rejected) == (1, [])
    assert only_payment().status_id == "refunded"


def test_a_failed_payment_does_not_become_a_success(in_tenant: Tenant, customer: Customer) -> None:
    record(in_tenant, payment_event(event="payment_failed"))

    result = record(in_tenant, payment_event(event="payment_success"))

    assert result.rejected == [("PAY1", "payment_id PAY1 is failed already and cannot become success.")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"customer_id": "C9"}, "customer_id C9 is not a known customer. Load the customer first."),
        ({"merchant_id": "M9"}, "merchant_id M9 is not a known merchant. Load the merchant first."),
        ({"attempted_at": NOW + timedelta(days=2)}, "attempted_at lies more than a day ahead."),
    ],
)
def test_one_that_cannot_be_recorded_does_not_hold_up_the_others(
    in_tenant: Tenant, customer: Customer, changed: dict[str, Any], said: str
) -> None:
    result = record(in_tenant, payment_event(payment_id="BAD", **changed), payment_event())

    assert (len(result.new), result.repeated, result.rejected_at) == (1, 0, [0])
    key, sentence = result.rejected[0]
    assert key == "BAD" and sentence.startswith(said)


def test_a_session_of_another_customer_is_refused(in_tenant: Tenant, customer: Customer) -> None:
    make_customer(in_tenant, external_id="C2")
    record(in_tenant, payment_event(session_id="S1"))

    result = record(in_tenant, payment_event(payment_id="PAY2", customer_id="C2", session_id="S1"))

    assert result.rejected == [("PAY2", "session_id S1 belongs to another customer.")]


@pytest.mark.parametrize("changed", [{"amount": "42.51"}, {"currency": "USD"}])
def test_the_same_payment_with_another_amount_is_refused(
    in_tenant: Tenant, customer: Customer, changed: dict[str, str]
) -> None:
    record(in_tenant, payment_event())

    result = record(in_tenant, payment_event(event="payment_success", **changed))

    assert result.rejected == [("PAY1", "payment_id PAY1 is already recorded with another amount.")]
    assert only_payment().status_id == "pending"


def test_a_known_merchant_is_linked(in_tenant: Tenant, customer: Customer) -> None:
    merchant = Merchant.objects.create(external_id="M1", name="Maison", country="FR")

    record(in_tenant, payment_event(merchant_id="M1"))

    assert only_payment().merchant_id == merchant.pk


def test_an_earlier_event_moves_the_first_sight_of_a_device_back(in_tenant: Tenant, customer: Customer) -> None:
    record(in_tenant, payment_event(device_id="d"))
    record(in_tenant, payment_event(payment_id="PAY2", device_id="d", attempted_at=AT - timedelta(days=3)))

    assert Device.objects.get().first_seen_at == AT - timedelta(days=3)


def test_the_same_ids_of_two_tenants_are_two_payments(in_tenant: Tenant, neighbour: Tenant, customer: Customer) -> None:
    make_customer(neighbour, external_id="C1")
    events = [payment_event(device_id="d", session_id="S1")]

    first, second = record(in_tenant, *events), record(neighbour, *events)

    assert len(first.new) == len(second.new) == 1
    with across_tenants():
        for payment in Payment.objects.select_related("customer", "method", "device", "session"):
            owners = {payment.customer.tenant_id, payment.method.tenant_id}
            owners |= (
                {payment.device.tenant_id, payment.session.tenant_id} if payment.device and payment.session else set()
            )
            assert owners == {payment.tenant_id}


def test_a_neighbours_customer_is_unknown(in_tenant: Tenant, neighbour: Tenant, customer: Customer) -> None:
    result = record(neighbour, payment_event())

    assert result.rejected[0][1].startswith("customer_id C1 is not a known customer.")


def test_a_month_without_a_partition_gets_one(in_tenant: Tenant, customer: Customer) -> None:
    record(in_tenant, payment_event(attempted_at=AT.replace(year=2003, month=7)))

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM payments_payment_2003_07")
        assert cursor.fetchone()[0] == 1


def test_an_order_is_recorded_once_with_its_lines(in_tenant: Tenant, customer: Customer) -> None:
    record(in_tenant, payment_event())
    Product.objects.create(
        external_id="P1", name="Lamp", category="Home", unit_price="9.99", currency_id="EUR", created_at=AT
    )
    items = ({"product_id": "P1", "quantity": 1}, {"product_id": "P1", "quantity": 2, "unit_price": "8.00"})
    event = order_event(payment_id="PAY1", items=tuple(OrderLineOf(item) for item in items))

    for _time in range(2):
        result = orders_record(tenant_id=in_tenant.pk, events=[event], source="test", now=NOW)

    order = Order.objects.get()
    assert (result.new, result.repeated, order.payment_id) == (0, 1, only_payment().pk)
    lines = OrderItem.objects.order_by("line").values_list("line", "quantity", "unit_price")
    assert [(line, quantity, str(price)) for line, quantity, price in lines] == [(1, 1, "9.990"), (2, 2, "8.000")]


def OrderLineOf(item: dict[str, Any]) -> Any:
    from apps.payments.events import OrderLine

    return OrderLine(**item)


def test_an_order_that_overtook_its_payment_waits_or_is_linked_later(in_tenant: Tenant, customer: Customer) -> None:
    event = order_event(payment_id="PAY1")

    waiting = orders_record(tenant_id=in_tenant.pk, events=[event], source="test", now=NOW, wait_for_payments=True)
    assert (waiting.early_at, waiting.new, Order.objects.count()) == ([0], 0, 0)

    orders_record(tenant_id=in_tenant.pk, events=[event], source="test", now=NOW)
    assert Order.objects.get().payment_id is None

    record(in_tenant, payment_event())
    orders_record(tenant_id=in_tenant.pk, events=[event], source="test", now=NOW)
    assert Order.objects.get().payment_id == only_payment().pk


def test_an_order_of_an_unknown_product_is_refused_whole(in_tenant: Tenant, customer: Customer) -> None:
    event = order_event(items=(OrderLineOf({"product_id": "P9", "quantity": 1}),))

    result = orders_record(tenant_id=in_tenant.pk, events=[event], source="test", now=NOW)

    assert result.rejected == [("O1", "product_id P9 is not a known product. Load the product first.")]
    with tenant_scope(in_tenant.pk):
        assert not Order.objects.exists()


def test_another_customers_event_in_the_same_batch_moves_nothing(in_tenant: Tenant, customer: Customer) -> None:
    make_customer(in_tenant, external_id="C2")
    attempt = payment_event(payment_id="PX1", amount="10.00")
    foreign = payment_event(payment_id="PX1", customer_id="C2", amount="999.00", event="payment_success")

    result = record(in_tenant, attempt, foreign)

    assert len(result.new) == 1
    assert [(key, "another customer" in sentence) for key, sentence in result.rejected] == [("PX1", True)]
    assert only_payment().status_id == "pending"
