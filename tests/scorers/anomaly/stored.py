"""Decisions in bulk: hundreds of payments with their feature rows, in a handful of statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from apps.compliance.models import Tenant
from apps.customers.models import Customer
from apps.fraud.engine.features.catalogue import VERSION
from apps.fraud.engine.features.feature import Value
from apps.fraud.models import Decision
from apps.fraud.services.decisions_store import pack_row
from apps.payments.models import Payment, PaymentReference
from apps.payments.services.partitions import payment_partitions_ensure
from kivendtout.lib.tenancy import tenant_scope
from tests.factories import make_customer, make_method
from tests.scorers.anomaly.people import as_row

CUSTOMERS = 25


def decided(
    tenant: Tenant,
    rows: Sequence[dict[str, Value]],
    *,
    start: datetime,
    spread: timedelta,
    version: str = VERSION,
    packed: list[Value] | None = None,
) -> list[Decision]:
    """One decision a row, evenly over the time; customers take turns. `packed`: every row, as it is stored."""
    customers = [make_customer(tenant) for _ in range(CUSTOMERS)]
    methods = [make_method(customer) for customer in customers]
    moments = [start + spread * place / len(rows) for place in range(len(rows))]
    payment_partitions_ensure(first=moments[0].date(), last=max(moments[-1].date(), date(2025, 12, 31)))
    with tenant_scope(tenant.pk):
        numbers = [f"ODD{tenant.pk}-{start:%d%H%M}-{place:05d}-{len(rows)}" for place in range(len(rows))]
        references = PaymentReference.objects.bulk_create(
            PaymentReference(tenant_id=tenant.pk, external_id=number, attempted_at=at)
            for number, at in zip(numbers, moments, strict=True)
        )
        Payment.objects.bulk_create(
            Payment(
                tenant_id=tenant.pk, reference=reference, attempted_at=reference.attempted_at,
                method=methods[place % CUSTOMERS],
                customer=customers[place % CUSTOMERS], amount=Decimal("42.50"), currency_id="EUR",
                payment_country="FR", recorded_by="test", status_id="pending", initial_status_id="pending",
            )
            for place, reference in enumerate(references)
        )  # fmt: skip
        return Decision.objects.bulk_create(
            Decision(
                tenant_id=tenant.pk, payment=reference, decided_at=reference.attempted_at, outcome=0, score=0.1,
                points=0, degraded=False, source="test", latency_us=1, timings=[1, 1, 1, 1, 1],
                catalogue_version=version, features=pack_row(packed or as_row(row)), inputs="{}", judgement="{}",
            )
            for reference, row in zip(references, rows, strict=True)
        )  # fmt: skip


def customer_of(decision: Decision) -> str:
    return str(Customer.objects.get(payments__reference_id=decision.pk).external_id)
