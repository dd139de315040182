"""Snapshots in force, the way back, and what each process keeps of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.engine.rules import NO_LISTS
from apps.fraud.engine.ruleset import snapshot_read
from apps.fraud.models import ActiveRuleSet, RuleSet, RuleVersion
from apps.fraud.selectors.rules import ruleset_active, ruleset_before, ruleset_diff
from apps.fraud.services.rule_files import ruleset_install
from apps.fraud.services.rules import rule_draft, rule_retire, rule_submit
from apps.fraud.services.rulesets import ruleset_activate
from apps.fraud.state import ruleset_memory
from apps.fraud.state.ruleset_memory import RuleSetMemory, RuleSetNotLoaded, RuleSetUnknown
from kivendtout.lib.errors import NotAllowed
from tests.conftest import NOON
from tests.fraud.rules.conftest import Cast, GoLive, row_of, text_of

pytestmark = pytest.mark.django_db


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def active_number() -> int:
    active = ruleset_active()
    assert active is not None
    return active.number


def codes_in_force() -> dict[str, int]:
    active = ruleset_active()
    assert active is not None
    return {rule.code: rule.version for rule in snapshot_read(active.content).rules if not rule.shadow}


def test_each_change_makes_the_next_number(go_live: GoLive) -> None:
    go_live()
    go_live("OTHER", "is_mobile")
    assert [one.number for one in RuleSet.objects.order_by("number")] == [1, 2, 3, 4]
    assert active_number() == 4
    assert codes_in_force() == {"BIG_AMOUNT": 1, "OTHER": 1}
    assert ActiveRuleSet.objects.get().version == 4


def test_a_snapshot_holds_the_canonical_expression_and_its_features(go_live: GoLive) -> None:
    go_live(expression="(amount_eur>:limit)   and not is_mobile", parameters={"limit": 5})
    content = snapshot_read(RuleSet.objects.latest("number").content)
    (rule,) = content.rules
    assert rule.expression == "amount_eur > :limit AND NOT is_mobile"
    assert content.features == {"amount_eur": "number", "is_mobile": "boolean"}


def test_returning_to_an_earlier_rule_set_takes_the_states_along(go_live: GoLive, cast: Cast) -> None:
    first = go_live()
    go_live("OTHER", "is_mobile")
    second = go_live(expression="amount_eur > 2")
    before, last = RuleSet.objects.get(number=2), active_number()
    ruleset_activate(ruleset=before, actor=cast["lead"], now=NOON)
    assert active_number() == 2
    states = {(one.rule.code, one.number): one.state for one in RuleVersion.objects.select_related("rule")}
    assert states == {("BIG_AMOUNT", 1): "live", ("OTHER", 1): "retired", ("BIG_AMOUNT", 2): "retired"}
    ruleset_activate(ruleset=RuleSet.objects.get(number=last), actor=cast["lead"], now=NOON)
    assert codes_in_force() == {"BIG_AMOUNT": 2, "OTHER": 1}
    assert RuleVersion.objects.get(pk=second.pk).state == "live"
    rule_retire(version=second, actor=cast["lead"], now=NOON)
    assert codes_in_force() == {"OTHER": 1}
    assert active_number() == last + 1
    assert RuleVersion.objects.get(pk=first.pk).state == "retired"


def test_a_rule_set_with_a_rule_in_shadow_comes_back_with_it_in_shadow(go_live: GoLive, cast: Cast) -> None:
    go_live()
    trial = RuleSet.objects.get(number=1)
    ruleset_activate(ruleset=trial, actor=cast["lead"], now=NOON)
    assert RuleVersion.objects.get().state == "shadow"
    ruleset_activate(ruleset=RuleSet.objects.get(number=2), actor=cast["lead"], now=NOON)
    assert RuleVersion.objects.get().state == "live"


def test_the_return_is_on_record_and_only_for_who_may_approve(go_live: GoLive, cast: Cast, outsider: User) -> None:
    go_live()
    first = RuleSet.objects.get(number=1)
    for nobody in (cast["analyst"], cast["administrator"], outsider):
        with pytest.raises(NotAllowed):
            ruleset_activate(ruleset=first, actor=nobody, now=NOON)
    ruleset_activate(ruleset=first, actor=cast["lead"], now=NOON)
    entry = AuditEntry.objects.filter(content_type__model="activeruleset").latest("pk")
    assert entry.changes["version"] == ["2", "3"]
    assert ActiveRuleSet.objects.get().changed_by == cast["lead"]


def test_a_diff_tells_what_the_last_change_was(go_live: GoLive, cast: Cast) -> None:
    go_live()
    go_live(expression="amount_eur > 2", points=45)
    latest = RuleSet.objects.latest("number")
    diff = ruleset_diff(before=ruleset_before(ruleset=latest), after=latest).splitlines()
    assert '-expression = "amount_eur > 1000"' in diff
    assert "+points = 45" in diff


def test_installing_a_shipped_set_replaces_what_was_in_force(go_live: GoLive, tenant: Tenant) -> None:
    own = go_live()
    done = ruleset_install(tenant=tenant, name="kivendtout-original", now=NOON)
    assert (done.changed, done.rules, done.retired) == (True, 16, 1)
    assert RuleVersion.objects.get(pk=own.pk).state == "retired"
    shipped = RuleVersion.objects.filter(shipped=True)
    assert {(one.state, one.created_by, one.approved_by) for one in shipped} == {("live", None, None)}
    assert str(ruleset_active()) == f"kivendtout-original #{done.ruleset.number}"


def test_installing_again_changes_nothing(tenant: Tenant, in_tenant: Tenant) -> None:
    first = ruleset_install(tenant=tenant, name="recommended", now=NOON)
    again = ruleset_install(tenant=tenant, name="recommended", now=NOON + timedelta(days=1))
    assert (again.changed, again.ruleset) == (False, first.ruleset)
    ruleset_install(tenant=tenant, name="kivendtout-original", now=NOON)
    back = ruleset_install(tenant=tenant, name="recommended", now=NOON)
    assert back.ruleset.digest == first.ruleset.digest
    assert not RuleVersion.objects.filter(number__gt=1).exists()


def test_tenants_number_their_own(tenant: Tenant, neighbour: Tenant) -> None:
    numbers = [ruleset_install(tenant=one, name="recommended", now=NOON).ruleset.number for one in (tenant, neighbour)]
    assert numbers == [1, 1]


# --- what a process keeps -------------------------------------------------------------------------------------------
def test_a_process_learns_of_a_change_within_half_a_second(go_live: GoLive, tenant: Tenant, cast: Cast) -> None:
    clock = Clock()
    memory = RuleSetMemory(clock=clock)
    live = go_live()
    row = row_of(amount_eur=5_000.0)
    assert [hit.code for hit in memory.current(tenant.pk).evaluate(row, NO_LISTS, 0)] == ["BIG_AMOUNT"]
    rule_retire(version=live, actor=cast["lead"], now=NOON)
    clock.now += 0.49
    assert memory.current(tenant.pk).number == 2
    clock.now += 0.02
    assert memory.current(tenant.pk).number == 3
    assert memory.current(tenant.pk).evaluate(row, NO_LISTS, 0) == ()


def test_it_asks_at_most_twice_a_second(go_live: GoLive, tenant: Tenant) -> None:
    clock = Clock()
    memory = RuleSetMemory(clock=clock)
    go_live()
    memory.current(tenant.pk)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for _ in range(100):
            clock.now += 0.01
            memory.current(tenant.pk)
    assert len(queries) <= 2


def test_it_keeps_the_last_one_while_the_database_does_not_answer(
    go_live: GoLive, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    memory, fresh = RuleSetMemory(clock=clock), RuleSetMemory(clock=clock)
    go_live()
    assert memory.current(tenant.pk).number == 2

    class Away:
        @property
        def objects(self) -> None:
            raise OperationalError("the connection is closed")

    monkeypatch.setattr(ruleset_memory, "ActiveRuleSet", Away())
    clock.now += 10
    assert memory.current(tenant.pk).number == 2
    with pytest.raises(RuleSetNotLoaded):
        fresh.current(tenant.pk)


def test_a_tenant_without_rules_gets_the_empty_set(tenant: Tenant, go_live: GoLive, neighbour: Tenant) -> None:
    go_live()
    assert RuleSetMemory().current(neighbour.pk).number == 0


def test_any_snapshot_is_there_by_its_number_for_its_tenant_only(
    go_live: GoLive, tenant: Tenant, neighbour: Tenant
) -> None:
    go_live()
    memory = RuleSetMemory()
    one = memory.numbered(tenant.pk, 1)
    assert (one.number, one.rules[0].shadow) == (1, True)
    assert memory.numbered(tenant.pk, 1) is one
    with pytest.raises(RuleSetUnknown):
        memory.numbered(neighbour.pk, 1)


def test_a_trial_never_changes_what_is_decided(go_live: GoLive, tenant: Tenant, cast: Cast) -> None:
    go_live()
    draft = rule_draft(content=text_of(expression="amount_eur > 1"), actor=cast["analyst"], now=NOON)
    rule_submit(version=draft, actor=cast["analyst"], now=NOON)
    ruleset = RuleSetMemory().current(tenant.pk)
    row = row_of(amount_eur=50.0)
    assert ruleset.evaluate(row, NO_LISTS, 0) == ()
    assert [hit.version for hit in ruleset.shadow(row, NO_LISTS, 0)] == [2]
