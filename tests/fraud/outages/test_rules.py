"""A rule set that cannot be used: the decision says that the rules did not speak, and nobody is let through by it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError

from apps.compliance.models import Tenant
from apps.fraud.models import ActiveRuleSet, RuleSet
from apps.fraud.services.engine import engine_current, ruleset_memory
from apps.fraud.services.rule_files import DEFAULT_SET, ruleset_install
from apps.fraud.state import ruleset_memory as memory_module
from apps.fraud.state.ruleset_memory import RuleSetNotLoaded
from kivendtout.lib.clock import now
from kivendtout.lib.tenancy import tenant_scope
from tests.fraud.api.conftest import Shop
from tests.fraud.outages.conftest import Score

pytestmark = [pytest.mark.usefixtures("patient"), pytest.mark.xdist_group("outages")]


def put_in_force(shop: Shop, content: str) -> None:
    with tenant_scope(shop.tenant.pk):
        number = RuleSet.objects.count() + 1
        ruleset = RuleSet.objects.create(
            number=number, name="broken", content=content, digest=sha256(content.encode()).hexdigest(),
            catalogue_version="0", created_at=now(),
        )  # fmt: skip
        active = ActiveRuleSet.objects.first()
        if active is None:
            ActiveRuleSet.objects.create(ruleset=ruleset, version=1, changed_at=now())
        else:
            active.ruleset, active.version = ruleset, active.version + 1
            active.save()


@pytest.mark.parametrize("content", ["{", '{"rules": [{"code": "X"}]}'])
def test_without_usable_rules_and_without_a_scorer_a_payment_is_denied_and_it_says_why(
    shop: Shop, score: Score, content: str
) -> None:
    put_in_force(shop, content)
    for _n in range(3):
        told = score(shop, shop.payment()).json()
        assert (told["decision"], told["score"], told["degraded"]) == ("DENY", 1.0, True)
        assert told["degraded_parts"] == ["rules"]
        assert told["ruleset_version"] is None
        assert told["reasons"][0]["code"] == "both_down"


def test_a_rule_set_that_cannot_be_used_leaves_the_one_before_in_force(
    shop: Shop, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_scope(shop.tenant.pk):
        ruleset_install(tenant=Tenant.objects.get(pk=shop.tenant.pk), name=DEFAULT_SET, now=now())
    before = score(shop, shop.payment()).json()
    assert before["ruleset_version"] is not None
    put_in_force(shop, "{")
    monkeypatch.setattr(ruleset_memory, "_every", 0.0)  # asks each time
    for _n in range(3):
        told = score(shop, shop.payment()).json()
        assert told["ruleset_version"] == before["ruleset_version"]
        assert told["degraded_parts"] == []


class Raising:
    def __init__(self, error: Exception) -> None:
        self.error = error

    @property
    def objects(self) -> Any:
        raise self.error


def test_rules_that_may_not_be_read_are_rules_that_do_not_speak(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    denied = ProgrammingError("permission denied for table fraud_activeruleset")
    monkeypatch.setattr(memory_module, "ActiveRuleSet", Raising(denied))
    engine = engine_current(shop.tenant.pk)
    assert (engine.rules, engine.rules_up) == (None, False)


def test_rules_not_read_because_postgresql_is_away_deny_nobody(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "ActiveRuleSet", Raising(OperationalError("the server is starting up")))
    with pytest.raises(RuleSetNotLoaded) as refused:
        engine_current(shop.tenant.pk)
    assert refused.value.status == 503
