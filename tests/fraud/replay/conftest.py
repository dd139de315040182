from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.compliance.models import Tenant, User
from apps.fraud.models import Decision, ListEntry, Rule, RuleSet, RuleVersion
from apps.fraud.services.engine import Engine, engine_current, list_memory, ruleset_memory
from apps.fraud.services.lists import list_create, list_entry_add
from apps.fraud.services.rulesets import ruleset_publish
from apps.fraud.services.scoring import payments_decide
from tests.factories import make_customer
from tests.fraud.scoring.events import NOON, an_event

Decides = Callable[..., Decision]
_numbers = itertools.count(1)


def publish(tenant: Tenant, *written: tuple[str, int | str]) -> RuleSet:
    """These rules and no other decide from now on."""
    RuleVersion.objects.filter(state="live").update(state="retired")
    for expression, worth in written:
        rule = Rule.objects.create(code=f"RULE_{next(_numbers)}", created_at=NOON)
        version = RuleVersion.objects.create(
            rule=rule, number=1, expression=expression, points=worth if isinstance(worth, int) else None,
            action=worth if isinstance(worth, str) else "", sentence_fr="Règle.", sentence_en="Rule.", owner="tests",
            shipped=True, created_at=NOON,
        )  # fmt: skip
        version.state, version.live_at = "live", NOON
        version.save()
    return ruleset_publish(tenant_id=tenant.pk, actor=None, now=NOON)


@pytest.fixture
def decides(in_tenant: Tenant) -> Decides:
    """One payment of a new customer, decided on; what it is judged by may be given."""

    def one(*, engine: Engine | None = None, now: datetime = NOON + timedelta(hours=1), **fields: Any) -> Decision:
        event = an_event(make_customer(in_tenant), **fields)
        done = payments_decide(
            tenant_id=in_tenant.pk, events=[event], source="test", now=now,
            engine=engine or engine_now(in_tenant),
        )  # fmt: skip
        return Decision.objects.select_related("payment").get(pk=done.recorded.new[0])

    return one


def engine_now(tenant: Tenant) -> Engine:
    """As the memories of a process that has just started would have it."""
    ruleset_memory._held.pop(tenant.pk, None)
    list_memory._held.pop(tenant.pk, None)
    return engine_current(tenant.pk)


def country_list(tenant: Tenant, code: str, country: str, lead: User) -> ListEntry:
    made = list_create(
        tenant_id=tenant.pk, code=code, name_fr=code, name_en=code, kind="country", effect="watch", actor=lead
    )
    return list_entry_add(fraud_list=made, value=country, reason="Test", actor=lead, now=NOON)
