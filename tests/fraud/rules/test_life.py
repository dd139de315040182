"""A rule's life: who moves it from state to state, and what no hand changes afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.engine.rules import RuleSyntaxError
from apps.fraud.models import ActiveRuleSet, Rule, RuleSet, RuleVersion
from apps.fraud.selectors.rules import ruleset_active
from apps.fraud.services.rule_moves import RuleContentInvalid, RuleStateRefused
from apps.fraud.services.rules import (
    rule_approve,
    rule_draft,
    rule_draft_edit,
    rule_retire,
    rule_return,
    rule_submit,
)
from kivendtout.lib.errors import NotAllowed
from tests.conftest import NOON
from tests.fraud.rules.conftest import Cast, GoLive, text_of

pytestmark = pytest.mark.django_db


def state_of(version: RuleVersion) -> str:
    return RuleVersion.objects.get(pk=version.pk).state


def refused_by(constraint: str, version: RuleVersion, **changes: object) -> None:
    """The database itself says no, whatever the code above it forgot."""
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        RuleVersion.objects.filter(pk=version.pk).update(**changes)


def test_a_rule_goes_from_draft_through_shadow_to_live_and_is_retired(in_tenant: Tenant, cast: Cast) -> None:
    version = rule_draft(content=text_of(), actor=cast["analyst"], now=NOON)
    assert (version.number, version.state, RuleSet.objects.count()) == (1, "draft", 0)
    version = rule_submit(version=version, actor=cast["analyst"], now=NOON)
    assert version.state == "shadow"
    version = rule_approve(version=version, actor=cast["lead"], now=NOON)
    assert (version.state, version.approved_by, version.live_at) == ("live", cast["lead"], NOON)
    version = rule_retire(version=version, actor=cast["lead"], now=NOON)
    assert (version.state, version.retired_by) == ("retired", cast["lead"])
    assert [one.note for one in RuleSet.objects.order_by("number")] == [
        "BIG_AMOUNT v1 in shadow",
        "BIG_AMOUNT v1 live",
        "BIG_AMOUNT v1 retired",
    ]


def test_the_author_never_approves_their_own_rule(in_tenant: Tenant, cast: Cast) -> None:
    version = rule_draft(content=text_of(), actor=cast["lead"], now=NOON)
    version = rule_submit(version=version, actor=cast["lead"], now=NOON)
    with pytest.raises(NotAllowed, match="second person"):
        rule_approve(version=version, actor=cast["lead"], now=NOON)
    own = {"state": "live", "live_at": NOON, "approved_by": cast["lead"], "approved_at": NOON}
    refused_by("rule_approved_by_another", version, **own)
    refused_by("rule_live_once_approved", version, state="live", live_at=NOON)


def test_an_analyst_drafts_and_does_not_approve(in_tenant: Tenant, cast: Cast) -> None:
    version = rule_draft(content=text_of(), actor=cast["lead"], now=NOON)
    version = rule_submit(version=version, actor=cast["analyst"], now=NOON)
    with pytest.raises(NotAllowed):
        rule_approve(version=version, actor=cast["analyst"], now=NOON)


@pytest.mark.parametrize("role", ["administrator", "read_only", "compliance_officer", "developer", "partner"])
def test_other_roles_write_no_rule(role: str, in_tenant: Tenant, cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        rule_draft(content=text_of(), actor=cast[role], now=NOON)


def test_the_outsider_moves_nothing(go_live: GoLive, outsider: User, cast: Cast) -> None:
    live = go_live()
    shadow = rule_submit(
        version=rule_draft(content=text_of("OTHER"), actor=cast["analyst"], now=NOON), actor=cast["analyst"], now=NOON
    )
    draft = rule_draft(content=text_of("THIRD"), actor=cast["analyst"], now=NOON)
    attempts = [
        lambda: rule_draft_edit(version=draft, content=text_of("THIRD", "amount_eur > 1"), actor=outsider),
        lambda: rule_submit(version=draft, actor=outsider, now=NOON),
        lambda: rule_approve(version=shadow, actor=outsider, now=NOON),
        lambda: rule_retire(version=live, actor=outsider, now=NOON),
        lambda: rule_return(version=live, actor=outsider, now=NOON),
    ]
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            attempt()
    assert [state_of(one) for one in (live, shadow, draft)] == ["live", "shadow", "draft"]


def test_an_analyst_does_not_retire_what_decides(go_live: GoLive, cast: Cast) -> None:
    live = go_live()
    with pytest.raises(NotAllowed):
        rule_retire(version=live, actor=cast["analyst"], now=NOON)
    assert state_of(live) == "live"


def test_saving_runs_the_parser(in_tenant: Tenant, cast: Cast) -> None:
    with pytest.raises(RuleSyntaxError, match="amount_eur") as caught:
        rule_draft(content=text_of(expression="amount_eurr > 1"), actor=cast["analyst"], now=NOON)
    assert caught.value.position == 0
    assert not Rule.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"points": 101},
        {"points": 30, "action": "deny"},
        {"points": None},
        {"owner": ""},
        {"tags": ("x" * 33,)},
    ],
)
def test_content_that_cannot_be_is_refused(fields: dict[str, object], in_tenant: Tenant, cast: Cast) -> None:
    with pytest.raises(RuleContentInvalid):
        rule_draft(content=text_of(**fields), actor=cast["analyst"], now=NOON)


def test_the_database_wants_points_or_an_action(in_tenant: Tenant, cast: Cast) -> None:
    version = rule_draft(content=text_of(), actor=cast["analyst"], now=NOON)
    refused_by("rule_points_or_action", version, action="deny")
    refused_by("rule_points_or_action", version, points=None)
    refused_by("rule_points_to_100", version, points=101)


def test_a_draft_changes_by_its_author_only(in_tenant: Tenant, cast: Cast) -> None:
    version = rule_draft(content=text_of(), actor=cast["analyst"], now=NOON)
    edited = rule_draft_edit(version=version, content=text_of(expression="amount_eur > 5"), actor=cast["analyst"])
    assert edited.expression == "amount_eur > 5"
    with pytest.raises(NotAllowed, match="author"):
        rule_draft_edit(version=version, content=text_of(), actor=cast["lead"])


def test_content_stays_as_it_is_once_it_has_left_draft(in_tenant: Tenant, cast: Cast) -> None:
    version = rule_draft(content=text_of(), actor=cast["analyst"], now=NOON)
    rule_submit(version=version, actor=cast["analyst"], now=NOON)
    with pytest.raises(RuleStateRefused):
        rule_draft_edit(version=version, content=text_of(expression="amount_eur > 5"), actor=cast["analyst"])
    for change in ({"expression": "amount_eur > 5"}, {"points": 1}, {"sentence_fr": "Autre."}, {"tags": ["a"]}):
        refused_by("does not change any more", version, **change)
    refused_by("does not change any more", version, created_by=cast["lead"])
    with pytest.raises(IntegrityError, match="it stays"), transaction.atomic():
        version.delete()


def test_a_version_skips_no_state(in_tenant: Tenant, cast: Cast) -> None:
    version = rule_draft(content=text_of(), actor=cast["analyst"], now=NOON)
    approved = {"approved_by": cast["lead"], "approved_at": NOON, "live_at": NOON}
    refused_by("does not become live", version, state="live", **approved)
    rule_retire(version=version, actor=cast["analyst"], now=NOON)
    refused_by("does not become live", version, state="live", **approved)
    refused_by("does not become shadow", version, state="shadow")
    refused_by("does not become draft", version, state="draft")


def test_who_approved_is_written_once(go_live: GoLive, cast: Cast) -> None:
    live = go_live()
    other = cast["compliance_officer"]
    refused_by("who approved", live, approved_by=other)


def test_a_rule_keeps_its_code(go_live: GoLive) -> None:
    live = go_live()
    with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
        Rule.objects.filter(pk=live.rule_id).update(code="OTHER")


def test_one_live_and_one_shadow_version_a_rule(go_live: GoLive, cast: Cast) -> None:
    first, second = go_live(), go_live(expression="amount_eur > 2000")
    assert [state_of(first), state_of(second)] == ["retired", "live"]
    drafts = [rule_draft(content=text_of(), actor=cast["analyst"], now=NOON) for _ in range(2)]
    shadows = [rule_submit(version=one, actor=cast["analyst"], now=NOON) for one in drafts]
    assert [state_of(one) for one in shadows] == ["retired", "shadow"]
    refused_by("rule_one_live_version", first, state="live")
    refused_by("rule_one_shadow_version", shadows[0], state="shadow")


def test_two_who_act_at_once_move_it_once(in_tenant: Tenant, cast: Cast) -> None:
    version = rule_draft(content=text_of(), actor=cast["analyst"], now=NOON)
    rule_submit(version=version, actor=cast["analyst"], now=NOON)
    with pytest.raises(RuleStateRefused, match="Read it again"):
        rule_submit(version=version, actor=cast["analyst"], now=NOON)


def test_returning_to_what_had_been_live_is_immediate_for_a_lead_and_on_record(go_live: GoLive, cast: Cast) -> None:
    first, second = go_live(), go_live(expression="amount_eur > 0")
    back = rule_return(version=first, actor=cast["lead"], now=NOON + timedelta(hours=1), note="Everybody is stopped.")
    assert (back.number, back.state, back.expression, back.restores) == (3, "live", first.expression, 1)
    assert back.emergency
    assert state_of(second) == "retired"
    active = ruleset_active()
    assert active is not None
    assert active.note == "BIG_AMOUNT v3 live: return to v1"
    entries = AuditEntry.objects.filter(object_pk=str(back.pk), content_type__model="ruleversion")
    assert any("Everybody is stopped." in str(entry.changes) for entry in entries)
    assert any((entry.changes or {}).get("state") == ["draft", "live"] for entry in entries)


def test_an_analyst_returns_to_an_earlier_version_by_a_draft(go_live: GoLive, cast: Cast) -> None:
    first, second = go_live(), go_live(expression="amount_eur > 0")
    back = rule_return(version=first, actor=cast["analyst"], now=NOON)
    assert (back.state, back.emergency, back.restores) == ("draft", False, 1)
    assert state_of(second) == "live"


def test_a_version_that_never_was_live_comes_back_by_approval_only(go_live: GoLive, cast: Cast) -> None:
    live = go_live()
    tried = rule_submit(
        version=rule_draft(content=text_of(expression="amount_eur > 0"), actor=cast["analyst"], now=NOON),
        actor=cast["analyst"],
        now=NOON,
    )
    rule_retire(version=tried, actor=cast["analyst"], now=NOON)
    back = rule_return(version=tried, actor=cast["lead"], now=NOON)
    assert (back.state, state_of(live)) == ("draft", "live")


def test_the_database_lets_nothing_else_pass_for_an_immediate_return(go_live: GoLive, cast: Cast) -> None:
    first = go_live()
    forged = RuleVersion.objects.create(
        rule_id=first.rule_id, number=2, expression="amount_eur > 0", points=30, sentence_fr="a", sentence_en="b",
        owner="me", created_by=cast["analyst"], created_at=NOON, restores=1, emergency=True,
    )  # fmt: skip
    rule_retire(version=first, actor=cast["lead"], now=NOON)
    refused_by("repeats no version", forged, state="live", live_at=NOON)


def test_a_version_begins_as_a_draft_with_an_author(go_live: GoLive) -> None:
    first = go_live()
    base = {"rule_id": first.rule_id, "number": 2, "expression": "failed", "points": 1, "created_at": NOON}
    with pytest.raises(IntegrityError, match="begins as a draft"), transaction.atomic():
        RuleVersion.objects.create(**base, state="live", shipped=True, live_at=NOON)
    with pytest.raises(IntegrityError, match="rule_has_an_author"), transaction.atomic():
        RuleVersion.objects.create(**base)


def test_snapshots_are_neither_edited_nor_deleted_nor_forged(go_live: GoLive) -> None:
    go_live()
    ruleset = RuleSet.objects.latest("number")
    for attempt in (
        lambda: RuleSet.objects.filter(pk=ruleset.pk).update(name="other"),
        lambda: RuleSet.objects.filter(number=1).delete(),
        lambda: RuleSet.objects.create(number=9, name="x", content="{}", digest="0" * 64, created_at=NOON),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            attempt()


def test_the_counter_only_grows(go_live: GoLive) -> None:
    go_live()
    with pytest.raises(IntegrityError, match="only grows"), transaction.atomic():
        ActiveRuleSet.objects.update(version=1)


def test_a_version_of_one_tenant_never_points_at_anothers_rule(go_live: GoLive, neighbour: Tenant) -> None:
    live = go_live()
    with pytest.raises(IntegrityError, match="tenant_fk"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO fraud_activeruleset (tenant_id, ruleset_id, version, changed_at) VALUES (%s, %s, 1, now())",
            [neighbour.pk, RuleSet.objects.latest("number").pk],
        )
    assert state_of(live) == "live"
