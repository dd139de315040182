"""The rules' pages: writing with the fault shown, two people for what decides, and nothing for the outsider."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.compliance.models import Tenant, User
from apps.fraud.models import Rule, RuleSet, RuleVersion
from apps.fraud.selectors.rules import ruleset_active
from apps.fraud.services.rules import rule_draft, rule_retire, rule_submit
from tests.conftest import NOON
from tests.fraud.rules.conftest import Cast, GoLive, text_of

pytestmark = pytest.mark.django_db
FORM = {
    "code": "LATE_SPENDER", "expression": "hour < 6 AND amount_eur > :limit", "parameters": '{"limit": 80}',
    "points": "35", "action": "", "severity": "HIGH", "sentence_fr": "Tard et cher.", "sentence_en": "Late and dear.",
    "owner": "fraud team", "tags": "night, amount", "valid_from": "2026-01-01T00:00", "valid_until": "",
    "note": "A trial.",
}  # fmt: skip


def client_of(person: User, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.cookies["django_language"] = language
    client.force_login(person)
    return client


def act(client: Client, version: RuleVersion, action: str, **told: Any) -> Any:
    return client.post(reverse("admin:fraud_rule_act", args=[version.rule_id, version.number, action]), told)


def state_of(version: RuleVersion) -> str:
    return RuleVersion.objects.get(pk=version.pk).state


@pytest.fixture
def draft(in_tenant: Tenant, cast: Cast) -> RuleVersion:
    return rule_draft(content=text_of("NEW_RULE"), actor=cast["analyst"], now=NOON)


@pytest.fixture
def shadow(draft: RuleVersion, cast: Cast) -> RuleVersion:
    return rule_submit(version=draft, actor=cast["analyst"], now=NOON)


def test_an_analyst_writes_a_rule_and_a_lead_lets_it_live(in_tenant: Tenant, cast: Cast) -> None:
    analyst, lead = client_of(cast["analyst"]), client_of(cast["lead"])
    assert analyst.post(reverse("admin:fraud_rule_add"), FORM).status_code == 302
    version = RuleVersion.objects.get()
    assert (version.rule.code, version.parameters, version.tags) == ("LATE_SPENDER", {"limit": 80}, ["night", "amount"])
    assert (version.change_note, version.created_by) == ("A trial.", cast["analyst"])
    assert act(analyst, version, "submit").status_code == 302
    assert act(lead, version, "approve").status_code == 302
    assert state_of(version) == "live"
    page = lead.get(reverse("admin:fraud_rule_change", args=[version.rule_id])).content.decode()
    for text in ("Late and dear.", "Live", "Retire (v1)", "New version", ":limit = 80"):
        assert text in page
    listing = lead.get(reverse("admin:fraud_rule_changelist")).content.decode()
    assert "LATE_SPENDER" in listing
    assert "fraud team" in listing


@pytest.mark.parametrize(("language", "told"), [("en", "Did you mean &#x27;amount_eur&#x27;"), ("fr", "amount_eurr")])
def test_a_fault_stands_under_the_expression_with_the_character_marked(
    language: str, told: str, in_tenant: Tenant, cast: Cast
) -> None:
    page = client_of(cast["analyst"], language).post(
        reverse("admin:fraud_rule_add"), {**FORM, "expression": "hour < 6 AND amount_eurr > 1 AND '<b>' = currency"}
    )
    text = page.content.decode()
    assert told in text
    assert "hour &lt; 6 AND <mark>amount_eurr</mark> &gt; 1" in text
    assert "<b>" not in text
    assert "expression" in page.context["form"].errors
    assert not Rule.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"code": "lower"}, {"points": "101"}, {"points": "", "action": ""}, {"action": "deny"}, {"parameters": "[1]"},
        {"parameters": "{"}, {"parameters": '{"limit": {"a": 1}}'}, {"valid_until": "2025-01-01T00:00"},
        {"sentence_fr": ""}, {"tags": "x" * 33}, {"expression": "hour + 1"}, {"expression": "a\0b"},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_saved_is_shown_and_not_saved(change: dict[str, str], in_tenant: Tenant, cast: Cast) -> None:
    page = client_of(cast["analyst"]).post(reverse("admin:fraud_rule_add"), {**FORM, **change})
    assert page.status_code == 200
    assert page.context["form"].errors
    assert not Rule.objects.exists()


def test_the_author_edits_their_draft_and_nobody_else(draft: RuleVersion, cast: Cast) -> None:
    url = reverse("admin:fraud_rule_edit", args=[draft.rule_id, draft.number])
    told = {name: value for name, value in FORM.items() if name != "code"}
    assert "amount_eur &gt; 1000" in client_of(cast["analyst"]).get(url).content.decode()
    assert "Only its author" in client_of(cast["lead"]).post(url, told).content.decode()
    assert client_of(cast["analyst"]).post(url, told).status_code == 302
    assert RuleVersion.objects.get().expression == FORM["expression"]


def test_a_new_version_begins_with_what_is_in_force(go_live: GoLive, cast: Cast) -> None:
    live = go_live()
    client = client_of(cast["analyst"])
    url = reverse("admin:fraud_rule_version", args=[live.rule_id])
    assert "amount_eur &gt; 1000" in client.get(url).content.decode()
    assert client.post(url, {name: value for name, value in FORM.items() if name != "code"}).status_code == 302
    assert RuleVersion.objects.get(number=2).state == "draft"
    assert state_of(live) == "live"


def test_the_author_is_offered_no_approval_and_refused_one(in_tenant: Tenant, cast: Cast) -> None:
    own = rule_submit(version=rule_draft(content=text_of(), actor=cast["lead"], now=NOON), actor=cast["lead"], now=NOON)
    client = client_of(cast["lead"])
    page = client.get(reverse("admin:fraud_rule_change", args=[own.rule_id])).content.decode()
    assert "Approve and make live (v1)" not in page
    assert "Ask a colleague" in act(client, own, "approve").content.decode()
    assert state_of(own) == "shadow"


def test_an_analyst_neither_approves_nor_retires_what_decides(go_live: GoLive, shadow: RuleVersion, cast: Cast) -> None:
    live = go_live()
    client = client_of(cast["analyst"])
    assert "Ask a team lead" in act(client, shadow, "approve").content.decode()
    assert "Ask a team lead" in act(client, live, "retire").content.decode()
    assert [state_of(one) for one in (shadow, live)] == ["shadow", "live"]


def test_an_old_version_is_returned_to_in_one_step(go_live: GoLive, cast: Cast) -> None:
    first, _second = go_live(), go_live(expression="amount_eur > 0")
    client = client_of(cast["lead"])
    page = client.get(reverse("admin:fraud_rule_change", args=[first.rule_id])).content.decode()
    assert reverse("admin:fraud_rule_act", args=[first.rule_id, 1, "return"]) in page
    assert act(client, first, "return", note="Too many alarms.").status_code == 302
    live = RuleVersion.objects.get(state="live")
    assert (live.number, live.expression, live.change_note) == (3, first.expression, "Too many alarms.")


def test_what_somebody_else_has_done_meanwhile_is_told(shadow: RuleVersion, cast: Cast) -> None:
    rule_retire(version=shadow, actor=cast["analyst"], now=NOON)
    page = act(client_of(cast["lead"]), shadow, "approve").content.decode()
    assert "changed since you read it" in page


def test_pages_that_only_show_change_nothing(shadow: RuleVersion, cast: Cast) -> None:
    client = client_of(cast["lead"])
    for action in ("submit", "approve", "retire", "return"):
        url = reverse("admin:fraud_rule_act", args=[shadow.rule_id, shadow.number, action])
        assert client.get(url).status_code == 200
    assert state_of(shadow) == "shadow"
    assert client.get(url.replace("return", "explode")).status_code == 404


@pytest.mark.parametrize("role", ["administrator", "read_only", "compliance_officer", "developer", "partner"])
def test_who_only_looks_is_offered_and_allowed_nothing(role: str, draft: RuleVersion, cast: Cast) -> None:
    client = client_of(cast[role])
    urls = [
        reverse("admin:fraud_rule_add"),
        reverse("admin:fraud_rule_version", args=[draft.rule_id]),
        reverse("admin:fraud_rule_edit", args=[draft.rule_id, 1]),
        *(reverse("admin:fraud_rule_act", args=[draft.rule_id, 1, one]) for one in ("submit", "approve", "retire")),
    ]
    assert {client.post(url, FORM).status_code for url in urls} == {403}
    assert (state_of(draft), RuleVersion.objects.count()) == ("draft", 1)


def test_the_outsider_reaches_no_page_and_moves_nothing(
    go_live: GoLive, shadow: RuleVersion, cast: Cast, outsider: User
) -> None:
    live = go_live()
    ruleset = RuleSet.objects.get(number=1)
    client = client_of(outsider)
    urls = [
        reverse("admin:fraud_rule_version", args=[live.rule_id]),
        reverse("admin:fraud_rule_edit", args=[shadow.rule_id, 1]),
        reverse("admin:fraud_ruleset_activate", args=[ruleset.pk]),
        *(
            reverse("admin:fraud_rule_act", args=[one.rule_id, one.number, action])
            for one in (live, shadow)
            for action in ("submit", "approve", "retire", "return")
        ),
    ]
    for url in urls:
        assert {client.get(url).status_code, client.post(url, FORM).status_code} <= {403, 404}, url
    for page in ("admin:fraud_rule_change", "admin:fraud_ruleset_change"):
        assert client.get(reverse(page, args=[live.rule_id])).status_code in {302, 403}
    for page in ("admin:fraud_rule_changelist", "admin:fraud_ruleset_changelist"):
        assert "BIG_AMOUNT" not in client.get(reverse(page)).content.decode()
    assert [state_of(one) for one in (live, shadow)] == ["live", "shadow"]
    active = ruleset_active()
    assert active is not None
    assert active.number == 3


def test_a_rule_set_shows_what_changed_and_comes_back_in_one_step(go_live: GoLive, cast: Cast) -> None:
    go_live()
    go_live(expression="amount_eur > 2")
    before, last = RuleSet.objects.get(number=2), RuleSet.objects.latest("number")
    client = client_of(cast["lead"])
    page = client.get(reverse("admin:fraud_ruleset_change", args=[last.pk])).content.decode()
    assert "In force" in page
    assert "Put in force" not in page
    trial = client.get(reverse("admin:fraud_ruleset_change", args=[last.pk - 1])).content.decode()
    assert "+expression = &quot;amount_eur &gt; 2&quot;" in trial
    assert "-expression = &quot;amount_eur &gt; 1000&quot;" in page
    url = reverse("admin:fraud_ruleset_activate", args=[before.pk])
    assert client.get(url).status_code == 200
    assert client.post(url).status_code == 302
    assert ruleset_active() == before
    for role in ("analyst", "administrator"):
        assert client_of(cast[role]).post(url).status_code == 403


def test_the_pages_read_french(go_live: GoLive, cast: Cast) -> None:
    live = go_live()
    page = client_of(cast["lead"], "fr").get(reverse("admin:fraud_rule_change", args=[live.rule_id])).content.decode()
    assert "Gros montant." in page


@pytest.mark.parametrize("state", ["draft", "shadow", "live", "retired", "nonsense"])
def test_the_list_filters_by_state_and_searches(state: str, go_live: GoLive, draft: RuleVersion, cast: Cast) -> None:
    go_live()
    client = client_of(cast["lead"])
    page = client.get(reverse("admin:fraud_rule_changelist"), {"state": state}).content.decode()
    assert (">NEW_RULE<" in page) == (state in {"draft", "nonsense"})
    assert (">BIG_AMOUNT<" in page) == (state in {"live", "nonsense"})
    found = client.get(reverse("admin:fraud_rule_changelist"), {"q": "big"}).content.decode()
    assert ">BIG_AMOUNT<" in found
    assert ">NEW_RULE<" not in found
