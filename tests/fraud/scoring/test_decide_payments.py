"""The one path from a payment to its decision, on real PostgreSQL and Redis."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.compliance.models import Tenant
from apps.fraud.models import Decision, FraudAlert, Outbox
from apps.fraud.services.scoring import payments_decide
from tests.factories import make_customer
from tests.fraud.scoring.events import NOON, an_event

pytestmark = pytest.mark.django_db


def decide(tenant: Tenant, *events: Any, **options: Any) -> Any:
    return payments_decide(tenant_id=tenant.pk, events=events, source="test", now=NOON + timedelta(hours=1), **options)


def test_a_new_payment_gets_one_decision_with_its_feature_row(in_tenant: Tenant) -> None:
    event = an_event(make_customer(in_tenant))
    done = decide(in_tenant, event)
    decision = Decision.objects.get()
    assert decision.pk == done.recorded.new[0]
    assert decision.outcome == Decision.Outcome.ALLOW
    assert not decision.degraded
    assert done.made[0].judged.judgement.decided_by == "rules"


def test_a_repeated_payment_keeps_its_decision(in_tenant: Tenant) -> None:
    event = an_event(make_customer(in_tenant))
    decide(in_tenant, event)
    again = decide(in_tenant, event)
    assert again.made == {}
    assert Decision.objects.count() == 1
    assert Outbox.objects.count() == 1


def test_the_third_payment_in_ten_minutes_knows_of_the_two_before(in_tenant: Tenant) -> None:
    customer = make_customer(in_tenant)
    events = [an_event(customer, attempted_at=NOON + timedelta(minutes=n)) for n in range(3)]
    decide(in_tenant, *events[:2])
    done = decide(in_tenant, events[2])
    from apps.fraud.engine.features.catalogue import INDEX

    assert done.made[0].judged.row[INDEX["customer_attempts_10m"]] == 3
    assert not FraudAlert.objects.exists()
