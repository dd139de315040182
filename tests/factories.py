"""Rows with as little as the constraints allow; each maker takes what a test cares about."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from apps.compliance.models import Tenant
from apps.customers.models import Customer
from apps.payments.models import Payment, PaymentMethod, PaymentReference
from apps.payments.services.partitions import payment_partitions_ensure
from kivendtout.lib.tenancy import tenant_scope

NOON = datetime(2025, 12, 1, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def make_customer(tenant: Tenant, **fields: Any) -> Customer:
    values = {"external_id": f"C{next(_numbers):05d}", "country": "FR", "registered_at": NOON, **fields}
    with tenant_scope(tenant.pk):
        return Customer.objects.create(**values)


def make_method(customer: Customer, **fields: Any) -> PaymentMethod:
    values = {"kind": "card", "bin": "497010", "last_four": "1234", **fields}
    with tenant_scope(customer.tenant_id):
        method, _created = PaymentMethod.objects.get_or_create(customer=customer, **values)
    return method


def make_payment(tenant: Tenant, *, customer: Customer | None = None, **fields: Any) -> Payment:
    customer = customer or make_customer(tenant)
    at = fields.pop("attempted_at", NOON)
    status = fields.pop("status", "pending")
    payment_partitions_ensure(first=at.date(), last=at.date())
    with tenant_scope(tenant.pk):
        external_id = fields.pop("external_id", f"PAY{next(_numbers):07d}")
        reference = PaymentReference.objects.create(external_id=external_id, attempted_at=at)
        values: dict[str, Any] = {
            "amount": Decimal("42.50"),
            "currency_id": "EUR",
            "payment_country": "FR",
            "recorded_by": "test",
            **fields,
        }
        method = values.pop("method", None) or make_method(customer)
        return Payment.objects.create(
            reference=reference,
            attempted_at=at,
            customer=customer,
            method=method,
            status_id=status,
            initial_status_id=status,
            **values,
        )
