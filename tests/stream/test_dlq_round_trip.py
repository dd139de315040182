"""A dead letter that is sent again goes through the stream like any message."""

from __future__ import annotations

from typing import Any

import pytest

from apps.compliance.models import Tenant
from apps.payments.models import Payment
from tests.factories import make_customer
from tests.ingestion.messages import payment_event
from tests.stream.test_dlq import dlq

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("stream")]


def test_a_message_that_fails_again_comes_back_as_a_new_letter(
    in_tenant: Tenant, customer: Any, send: Any, start: Any
) -> None:
    send("payments", b"not json")
    turns = start()
    turns.until(lambda: dlq("list")["open"] == 1)
    first = dlq("list")["letters"][0]

    dlq("retry", first["place"])
    turns.until(lambda: dlq("list")["open"] == 1)

    [again] = dlq("list")["letters"]
    assert (first["retries"], again["retries"], again["code"]) == (0, 1, "malformed")
    assert again["place"] != first["place"] and again["trace_id"] == first["trace_id"] == "c" * 32


def test_a_message_whose_fault_is_mended_is_recorded(in_tenant: Tenant, send: Any, start: Any) -> None:
    send("payments", payment_event(customer_id="C-late"))
    turns = start()
    turns.until(lambda: dlq("list")["open"] == 1)
    make_customer(in_tenant, external_id="C-late")

    dlq("retry", "--code", "impossible")
    turns.until(lambda: Payment.objects.exists())

    assert dlq("list")["open"] == 0
