"""What senders tell beside a payment: the database keeps it usable, whoever writes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection

from apps.compliance.models import Tenant
from apps.payments.models import Payment
from tests.factories import make_payment


@pytest.mark.parametrize(
    ("field", "value", "constraint"),
    [
        ("ip_country", "fr", "payment_ip_country_iso"),
        ("ip_country", "F", "payment_ip_country_iso"),
        ("billing_country", "1A", "payment_billing_country_iso"),
        ("basket_size", -1, "payment_basket_size_fits"),
        ("basket_size", 1_000_001, "payment_basket_size_fits"),
    ],
)
def test_the_database_refuses_what_no_sender_may_tell(
    in_tenant: Tenant, field: str, value: Any, constraint: str
) -> None:
    payment = make_payment(in_tenant)

    with pytest.raises(IntegrityError, match=constraint):
        Payment.objects.filter(pk=payment.pk).update(**{field: value})


def test_the_database_refuses_a_cart_after_its_payment(in_tenant: Tenant) -> None:
    payment = make_payment(in_tenant)

    with pytest.raises(IntegrityError, match="payment_cart_comes_first"):
        Payment.objects.filter(pk=payment.pk).update(cart_at=payment.attempted_at + timedelta(microseconds=1))


def test_a_statement_that_knows_nothing_of_them_leaves_them_unknown(in_tenant: Tenant) -> None:
    """As code of the release before does while a new one is rolled out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, column_default IS NOT NULL OR is_nullable = 'YES' FROM information_schema.columns "
            "WHERE table_name = 'payments_payment' AND column_name = ANY(%s)",
            [["ip_country", "billing_country", "cart_at", "basket_size", "adult_restricted"]],
        )
        found = dict(cursor.fetchall())
    assert len(found) == 5 and all(found.values())
