from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.compliance.models import Tenant
from apps.payments.models import Payment, PaymentReference
from apps.payments.services.partitions import add_months, months_between, payment_partitions_ensure
from tests.factories import NOON, make_customer, make_payment


def plan_of(sql: str, params: list[Any]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        return cursor.fetchone()[0][0]["Plan"]


def tables_in(plan: dict[str, Any]) -> set[str]:
    names = {plan["Relation Name"]} if "Relation Name" in plan else set()
    return names.union(*(tables_in(child) for child in plan.get("Plans", [])))


def test_a_payment_lies_in_the_partition_of_its_month(in_tenant: Tenant) -> None:
    payment = make_payment(in_tenant, attempted_at=datetime(2025, 11, 30, 23, 59, 59, 999999, tzinfo=UTC))
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM payments_payment WHERE id = %s", [payment.pk])
        assert cursor.fetchone()[0] == "payments_payment_2025_11"


def test_a_month_without_a_partition_refuses_rather_than_misplaces(in_tenant: Tenant) -> None:
    customer = make_customer(in_tenant)
    reference = PaymentReference.objects.create(external_id="X", attempted_at=datetime(2041, 1, 1, tzinfo=UTC))
    with pytest.raises(IntegrityError, match="no partition"), transaction.atomic():
        Payment.objects.create(
            reference=reference,
            attempted_at=reference.attempted_at,
            customer=customer,
            currency_id="EUR",
            amount=1,
            status_id="pending",
            initial_status_id="pending",
            method_id=1,
        )


def test_making_partitions_again_makes_none(db: None) -> None:
    assert payment_partitions_ensure(first=date(2032, 11, 30), last=date(2033, 1, 1)) == [
        "payments_payment_2032_11",
        "payments_payment_2032_12",
        "payments_payment_2033_01",
    ]
    assert payment_partitions_ensure(first=date(2032, 11, 30), last=date(2033, 1, 1)) == []


def test_an_absurd_month_is_refused(db: None) -> None:
    with pytest.raises(DatabaseError, match="between 2000 and 2099"), transaction.atomic():
        payment_partitions_ensure(first=date(1999, 12, 31), last=date(1999, 12, 31))


def test_months_are_counted_across_years() -> None:
    assert months_between(date(2025, 11, 30), date(2026, 2, 1)) == [
        date(2025, 11, 1),
        date(2025, 12, 1),
        date(2026, 1, 1),
        date(2026, 2, 1),
    ]
    assert add_months(date(2025, 12, 31), 1) == date(2026, 1, 1)


def test_one_customers_last_30_days_touch_at_most_two_partitions(in_tenant: Tenant) -> None:
    payment_partitions_ensure(first=date(2025, 1, 1), last=date(2026, 3, 1))
    queryset = Payment.objects.filter(
        customer_id=7, attempted_at__gt=NOON - timedelta(days=30), attempted_at__lte=NOON
    ).order_by()
    touched = tables_in(plan_of(*queryset.values_list("pk").query.sql_with_params()))
    assert touched == {"payments_payment_2025_11", "payments_payment_2025_12"}


def test_the_same_payment_number_exists_once_across_months(in_tenant: Tenant) -> None:
    make_payment(in_tenant, external_id="PAY1", attempted_at=NOON)
    with pytest.raises(IntegrityError, match="payment_number_once_per_tenant"), transaction.atomic():
        make_payment(in_tenant, external_id="PAY1", attempted_at=NOON + timedelta(days=40))


def test_two_tenants_may_use_the_same_payment_number(tenant: Tenant, neighbour: Tenant) -> None:
    assert make_payment(tenant, external_id="PAY1").pk != make_payment(neighbour, external_id="PAY1").pk


def test_a_payment_cannot_have_another_time_than_its_reference(in_tenant: Tenant) -> None:
    payment = make_payment(in_tenant)
    reference = PaymentReference.objects.create(external_id="Y", attempted_at=NOON)
    payment.pk, payment.reference = reference.pk, reference
    payment.attempted_at = NOON + timedelta(seconds=1)
    with pytest.raises(IntegrityError, match="payment_has_its_reference"), transaction.atomic():
        payment.save(force_insert=True)
