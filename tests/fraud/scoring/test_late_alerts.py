"""Under the policy `points` a failed payment is an alert, whenever its failure comes."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from apps.compliance.models import Tenant
from apps.fraud.models import Decision, FraudAlert, Outbox
from apps.fraud.services.rule_files import ruleset_install
from apps.fraud.services.scoring import payments_decide
from apps.fraud.state.policy_memory import policy_memory
from kivendtout.lib.tenancy import tenant_scope
from tests.factories import NOON, make_customer, make_payment
from tests.fraud.scoring.events import an_event

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
_numbers = itertools.count(1)


def a_tenant(policy: str) -> Tenant:
    """New for each test: processes remember a tenant's policy and rules by its number."""
    slug = f"late-{next(_numbers)}"
    tenant = Tenant.objects.create(slug=slug, name=slug, alert_policy=policy)
    policy_memory.kept.clear()
    return tenant


@pytest.fixture
def by_points() -> Tenant:
    return a_tenant("points")


def decide(tenant: Tenant, *events: Any, **more: Any) -> Any:
    return payments_decide(tenant_id=tenant.pk, events=events, source="test", now=LATER, **more)


def alerts(tenant: Tenant) -> list[FraudAlert]:
    with tenant_scope(tenant.pk):
        return list(FraudAlert.objects.all())


def told(tenant: Tenant) -> list[dict[str, Any]]:
    with tenant_scope(tenant.pk):
        rows = Outbox.objects.filter(topic="fraud-alerts").order_by("pk").values_list("messages", flat=True)
        messages = [one for row in rows for one in msgspec.msgpack.decode(bytes(row))]
    return [msgspec.json.decode(value) | {"key": key, "trace": trace} for key, value, trace in messages]


def test_a_failure_that_comes_later_raises_the_alert_then(by_points: Tenant) -> None:
    attempt = an_event(make_customer(by_points))
    first = decide(by_points, attempt)
    assert first.alerts == {} and alerts(by_points) == []

    done = decide(by_points, msgspec.structs.replace(attempt, event="payment_failed"), traces=["f" * 32])

    [alert] = alerts(by_points)
    [payment] = first.recorded.new
    assert done.alerts == {payment: alert.pk}
    assert (alert.external_id, alert.rule, alert.severity) == (f"kvt-{payment}", "PAYMENT_FAILED", "LOW")
    [message] = told(by_points)
    assert (message["alert_id"], message["decision_id"], message["trace"]) == (
        f"kvt-{payment}", f"dec_{payment}", "f" * 32
    )  # fmt: skip
    assert (message["key"], message["decision"], message["points"]) == (attempt.customer_id, "ALLOW", 0)


def test_the_rule_for_failures_makes_it_more_urgent_and_gives_its_reason(by_points: Tenant) -> None:
    with tenant_scope(by_points.pk):
        ruleset_install(tenant=by_points, name="kivendtout-original", now=NOON)
    attempt = an_event(make_customer(by_points, registered_at=NOON - timedelta(days=90)))
    decide(by_points, attempt)
    with tenant_scope(by_points.pk):
        points = Decision.objects.get().points
    assert 35 <= points < 60  # no alert by itself, and 85 or more with the 50 for a failure

    decide(by_points, msgspec.structs.replace(attempt, event="payment_failed"))

    [alert] = alerts(by_points)
    assert alert.severity == "HIGH"
    [message] = told(by_points)
    assert message["points"] == points
    assert message["reasons"][-1]["code"] == "PAYMENT_FAILED"


def test_one_alert_however_often_the_failure_is_told(by_points: Tenant) -> None:
    attempt = an_event(make_customer(by_points))
    failed = msgspec.structs.replace(attempt, event="payment_failed")
    decide(by_points, attempt, failed)
    decide(by_points, failed, failed)
    assert len(alerts(by_points)) == len(told(by_points)) == 1


def test_a_failure_that_was_told_at_once_has_its_alert_from_its_decision(by_points: Tenant) -> None:
    decide(by_points, an_event(make_customer(by_points), event="payment_failed"))
    assert len(alerts(by_points)) == len(told(by_points)) == 1


def test_a_success_raises_nothing(by_points: Tenant) -> None:
    attempt = an_event(make_customer(by_points))
    decide(by_points, attempt, msgspec.structs.replace(attempt, event="payment_success"))
    assert alerts(by_points) == []


def test_a_payment_that_nobody_decided_on_raises_one_too(by_points: Tenant) -> None:
    customer = make_customer(by_points)
    event = an_event(customer, event="payment_failed")
    make_payment(by_points, customer=customer, external_id=event.payment_id)

    decide(by_points, event)

    [message] = told(by_points)
    assert (message.get("decision"), message["severity"], message["payment_id"]) == (None, "LOW", event.payment_id)


def test_under_the_other_policy_a_failure_is_no_alert() -> None:
    tenant = a_tenant("outcome")
    attempt = an_event(make_customer(tenant))
    decide(tenant, attempt)
    decide(tenant, msgspec.structs.replace(attempt, event="payment_failed"))
    assert alerts(tenant) == []


def test_each_of_many_failures_gets_its_own(by_points: Tenant) -> None:
    events = [an_event(make_customer(by_points)) for _n in range(30)]
    decide(by_points, *events)
    decide(by_points, *[msgspec.structs.replace(one, event="payment_failed") for one in events])
    assert len(alerts(by_points)) == 30
    assert {one["payment_id"] for one in told(by_points)} == {one.payment_id for one in events}
