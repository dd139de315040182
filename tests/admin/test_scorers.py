"""Scorers in the admin site: the model card, and the way to production and back, page by page."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.compliance.models import Tenant, User
from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.models import ActiveScorer, Scorer, ScorerChange, ScorerPicture
from apps.fraud.scorers.trained import Operating
from apps.fraud.services.scorer_stages import scorer_approve, scorer_propose, scorer_shadow
from kivendtout.lib.clock import now
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.conftest import ClientOf
from tests.admin.pages import list_url, object_url
from tests.scorers.decided import decided
from tests.scorers.small import small_scorer, small_trained

POINT = {"challenge": "0.15", "deny": "0.45", "weight": "0.8", "alone_deny": "0.5", "note": "Better"}


@pytest.fixture
def scorer(in_tenant: Tenant) -> Scorer:
    return small_scorer(in_tenant, note="First")


def text_of(answer: Any) -> str:
    return unescape(re.sub(r"\s+", " ", answer.content.decode()))


def act_url(scorer: Scorer, action: str) -> str:
    return reverse("admin:fraud_scorer_act", args=[scorer.pk, action])


def propose_url(scorer: Scorer) -> str:
    return reverse("admin:fraud_scorer_propose", args=[scorer.pk])


def now_url(action: str) -> str:
    return reverse("admin:fraud_scorer_now", args=[action])


def settle_url(change: ScorerChange, action: str) -> str:
    return reverse("admin:fraud_scorerchange_settle", args=[change.pk, action])


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def proposed(client: Client, scorer: Scorer, **values: str) -> ScorerChange:
    """As a person does it: the values, what they would change, the same values again."""
    told = {**POINT, **values}
    shown = client.post(propose_url(scorer), told).content.decode()
    client.post(propose_url(scorer), {**told, "shown": hidden(shown, "shown")})
    with tenant_scope(scorer.tenant_id):
        return ScorerChange.objects.latest("pk")


def promoted(scorer: Scorer, cast: dict[str, User], point: Operating | None = None) -> None:
    with tenant_scope(scorer.tenant_id):
        change = scorer_propose(
            scorer=scorer, operating=point or Operating(challenge=0.2, deny=0.6, weight=0.8, alone_deny=0.5),
            actor=cast["analyst"], now=now(), statement={},
        )  # fmt: skip
        scorer_approve(change=change, actor=cast["lead"], now=now())


# --- the model card ---------------------------------------------------------------------------------------------------
def test_the_card_tells_what_it_is_for_how_good_it_is_and_where_it_ends(scorer: Scorer, client_of: ClientOf) -> None:
    page = text_of(client_of("read_only").get(object_url(scorer)))
    for words in (
        "Scorer #1", "What it is for", "How good it is", "Area under the ROC curve", "Chance is 0.5",
        "What it learned from", "Limits", "Verdicts arrive late", "Not told yet", "Candidate",
    ):  # fmt: skip
        assert words in page, words
    assert f"{scorer.report['measures']['auc']:.3f}" in page
    assert "Put on trial" not in page


def test_a_full_report_is_shown_whole(scorer: Scorer, client_of: ClientOf, in_tenant: Tenant) -> None:
    report = {**small_trained().report, **FULL}
    full = small_scorer(in_tenant, trained=replace(small_trained(), report=report))
    page = text_of(client_of("lead").get(object_url(full)))
    for words in (
        "Logistic regression", "Rules: recommended", "60 points", "By country of payment", "All others together",
        "Asked for proof", "Cost of its mistakes", CATALOGUE["amount_eur"].en, "amount_eur", "Chosen on",
        "In its test period 4 frauds were not known yet", "Isotonic curve", "0.905 to 0.955",
    ):  # fmt: skip
        assert words.lower() in page.lower(), words


def test_a_report_without_its_parts_is_no_broken_page(in_tenant: Tenant, client_of: ClientOf) -> None:
    bare = small_scorer(in_tenant, trained=replace(small_trained(), report={}, pictures={}))
    assert "Nothing was measured" in text_of(client_of("lead").get(object_url(bare)))


def test_pictures_come_in_the_reader_s_language_and_may_load_nothing(scorer: Scorer, client_of: ClientOf) -> None:
    with tenant_scope(scorer.tenant_id):
        ScorerPicture.objects.create(scorer=scorer, name="roc", language="fr", svg="<svg>taux #808890</svg>")
        ScorerPicture.objects.create(scorer=scorer, name="roc", language="en", svg="<svg>rate #808890</svg>")
    url = reverse("admin:fraud_scorer_picture", args=[scorer.pk, "roc"])
    client = client_of("analyst")
    english = client.get(url)
    assert (english["Content-Type"], english["X-Content-Type-Options"]) == ("image/svg+xml", "nosniff")
    assert english["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert b"rate" in english.content
    client.cookies["django_language"] = "fr"
    assert b"taux" in client.get(url).content
    assert client.get(url).content != client.get(f"{url}?theme=dark").content
    assert url in text_of(client.get(object_url(scorer)))
    assert client.get(url.replace("roc", "nothing")).status_code == 404
    assert client_of("developer").get(url).status_code == 403
    assert client_of("outsider").get(url).status_code in {302, 403, 404}


def test_the_list_tells_what_decides_and_how_good_each_is(scorer: Scorer, client_of: ClientOf) -> None:
    page = text_of(client_of("read_only").get(list_url(scorer)))
    assert "The rules decide alone." in page
    assert f"{scorer.report['measures']['average_precision']:.3f}" in page
    assert "First" in page


# --- to production ----------------------------------------------------------------------------------------------------
def test_from_trial_to_production_by_two_people(
    scorer: Scorer, cast: dict[str, User], client_of: ClientOf, in_tenant: Tenant
) -> None:
    decided(in_tenant, ends=now(), count=120, days=4)
    analyst, lead = client_of("analyst"), client_of("lead")
    analyst.post(act_url(scorer, "shadow"))
    scorer.refresh_from_db()
    assert scorer.stage == "shadow"
    shown = text_of(analyst.post(propose_url(scorer), POINT))
    assert "Alerts a day:" in shown
    assert "Decided again, both ways: all 120 payments" in shown
    assert not ScorerChange.objects.filter(kind="promote").exists()
    change = proposed(analyst, scorer)
    assert (change.state, change.statement["source"], change.asked_by) == ("open", "decisions", cast["analyst"])
    assert "waits for a second person" in text_of(lead.get(list_url(scorer)))
    page = text_of(lead.get(object_url(change)))
    assert "Approve and let it decide" in page
    assert "Customers declined a day" in page
    assert "Customers declined a day" in text_of(lead.get(settle_url(change, "approve")))
    lead.post(settle_url(change, "approve"))
    assert ActiveScorer.objects.get().scorer == scorer
    assert "Scorer #1 decides with the rules" in text_of(lead.get(list_url(scorer)))


def test_values_that_were_not_shown_are_shown_first(scorer: Scorer, client_of: ClientOf) -> None:
    client = client_of("analyst")
    seal = hidden(client.post(propose_url(scorer), POINT).content.decode(), "shown")
    for told in ({**POINT, "deny": "0.9", "shown": seal}, {**POINT, "shown": seal[:-3]}, {**POINT, "shown": "x:y"}):
        assert "What will change" in text_of(client.post(propose_url(scorer), told))
    assert not ScorerChange.objects.exists()


def test_what_was_shown_before_something_else_decided_is_shown_anew(
    scorer: Scorer, cast: dict[str, User], client_of: ClientOf, in_tenant: Tenant
) -> None:
    client = client_of("analyst")
    seal = hidden(client.post(propose_url(scorer), POINT).content.decode(), "shown")
    promoted(small_scorer(in_tenant, trained=small_trained(seed=8)), cast)
    assert "What will change" in text_of(client.post(propose_url(scorer), {**POINT, "shown": seal}))
    assert not ScorerChange.objects.filter(state="open").exists()


def test_thresholds_that_make_no_sense_are_marked_at_their_field(scorer: Scorer, client_of: ClientOf) -> None:
    client = client_of("analyst")
    assert "no lower than asking" in text_of(client.post(propose_url(scorer), {**POINT, "deny": "0.1"}))
    for wrong in ("2", "nan", "inf", "", "many"):
        answer = client.post(propose_url(scorer), {**POINT, "deny": wrong})
        assert answer.status_code == 200
        assert "errorlist" in answer.content.decode(), wrong


def test_nobody_is_offered_to_approve_their_own(scorer: Scorer, client_of: ClientOf) -> None:
    lead = client_of("lead")
    change = proposed(lead, scorer)
    page = text_of(lead.get(object_url(change)))
    assert "Withdraw" in page
    assert "Approve" not in page
    assert "A second person lets a scorer decide" in text_of(lead.post(settle_url(change, "approve")))
    assert not ActiveScorer.objects.exists()


def test_who_comes_second_reads_who_was_first(scorer: Scorer, cast: dict[str, User], client_of: ClientOf) -> None:
    change = proposed(client_of("analyst"), scorer)
    client_of("analyst").post(settle_url(change, "withdraw"))
    page = text_of(client_of("lead").post(settle_url(change, "approve")))
    assert f"{cast['analyst']} was first" in page


def test_a_refusal_of_the_service_is_a_sentence_on_the_page(
    in_tenant: Tenant, scorer: Scorer, cast: dict[str, User], client_of: ClientOf
) -> None:
    for seed in (8, 9, 10):
        one = small_scorer(in_tenant, trained=small_trained(seed=seed))
        scorer_shadow(scorer=one, actor=cast["lead"], now=now())
    page = text_of(client_of("analyst").post(act_url(scorer, "shadow")))
    assert "3 scorers are on trial already. Take one of them off first." in page


# --- and back ---------------------------------------------------------------------------------------------------------
def test_one_click_takes_it_back(scorer: Scorer, cast: dict[str, User], client_of: ClientOf) -> None:
    promoted(scorer, cast)
    lead = client_of("lead")
    page = lead.get(now_url("go-back"))
    assert "decides again, within a second: The rules alone" in text_of(page)
    seen = hidden(page.content.decode(), "expected")
    answer = lead.post(now_url("go-back"), {"note": "Too many alerts", "expected": seen}, follow=True)
    assert "From now on: The rules alone." in text_of(answer)
    assert ActiveScorer.objects.get().scorer is None
    again = lead.post(now_url("go-back"), {"note": "Again", "expected": seen}, follow=True)
    assert "has just been changed" in text_of(again)
    assert ScorerChange.objects.filter(kind="go_back").count() == 1


def test_the_rules_alone_and_back_again(scorer: Scorer, cast: dict[str, User], client_of: ClientOf) -> None:
    promoted(scorer, cast)
    lead = client_of("lead")
    lead.post(now_url("stand-down"), {"note": "It drifts"})
    assert ActiveScorer.objects.get().scorer is None
    seen = hidden(lead.get(now_url("go-back")).content.decode(), "expected")
    lead.post(now_url("go-back"), {"note": "Mended", "expected": seen})
    assert ActiveScorer.objects.get().scorer == scorer


def test_a_threshold_is_raised_by_one_person_within_bounds(
    scorer: Scorer, cast: dict[str, User], client_of: ClientOf
) -> None:
    promoted(scorer, cast)
    lead = client_of("lead")
    values = {"challenge": "0.3", "deny": "0.6", "alone_deny": "0.5", "note": "Flood of alerts", "weight": "0.1"}
    page = lead.post(now_url("thresholds"), values)
    assert "Ask for proof from: 0.1 to 0.4" in text_of(page)
    lead.post(now_url("thresholds"), {**values, "shown": hidden(page.content.decode(), "shown")})
    row = ActiveScorer.objects.get()
    assert (row.challenge, row.weight) == (0.3, 0.8)  # the weight is not theirs to change
    values["challenge"] = "0.5"
    page = lead.post(now_url("thresholds"), values)
    refused = lead.post(now_url("thresholds"), {**values, "shown": hidden(page.content.decode(), "shown")})
    assert "between 0.1 and 0.4. Propose what lies beyond" in text_of(refused)


# --- rights -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["read_only", "administrator", "compliance_officer", "developer", "outsider"])
def test_others_move_nothing(role: str, scorer: Scorer, cast: dict[str, User], client_of: ClientOf) -> None:
    change = proposed(client_of("analyst"), scorer)
    client = client_of(role)
    urls = [
        act_url(scorer, "shadow"),
        propose_url(scorer),
        *(settle_url(change, one) for one in ("approve", "withdraw")),
    ]
    urls += [now_url(one) for one in ("go-back", "stand-down", "thresholds")] if role != "outsider" else []
    for url in urls:
        assert client.post(url, POINT).status_code in {302, 403, 404}, url
    scorer.refresh_from_db()
    change.refresh_from_db()
    assert (scorer.stage, change.state) == ("candidate", "open")


def test_an_analyst_proposes_and_does_not_decide(scorer: Scorer, client_of: ClientOf) -> None:
    client = client_of("analyst")
    change = proposed(client, scorer)
    for url in (settle_url(change, "approve"), settle_url(change, "refuse"), now_url("go-back"), now_url("stand-down")):
        assert client.post(url, {"note": "x"}).status_code == 403


def test_unknown_moves_are_no_pages(scorer: Scorer, client_of: ClientOf) -> None:
    lead = client_of("lead")
    for url in (
        act_url(scorer, "delete"),
        now_url("launch"),
        act_url(scorer, "shadow").replace(str(scorer.pk), "999999"),
    ):
        assert lead.get(url).status_code in {302, 403, 404}


FULL: dict[str, Any] = {
    "payments": 9000, "frauds": 120,
    "intervals": {"auc": [0.905, 0.955]},
    "against": {
        "logistic_regression": {"auc": 0.81, "average_precision": 0.4},
        "rules": {"recommended": {"auc": 0.7, "average_precision": 0.3, "at": [
            {"points": 60, "alert_share": 0.01, "recall": 0.4, "fpr": 0.005, "precision": 0.5, "scorer_recall": 0.8}]}},
    },
    "decided": {
        "confusion": {"challenge": {"frauds": 5, "good": 50, "fraud_eur": 500.0, "good_eur": 900.5}},
        "recall": 0.9, "good_touched": 0.02, "alerts_a_day": 12.3, "cost_eur": 1234.5, "cost_of_nothing_eur": 9999.0,
    },
    "by_fpr": [{"asked": 0.01, "threshold": 0.3, "recall": 0.8, "fpr": 0.011, "precision": 0.5}],
    "segments": {"payment_country": [
        {"name": "FR", "payments": 800, "frauds": 9, "auc": 0.9, "average_precision": None, "recall": 0.8, "fpr": 0.01},
        {"name": "*", "payments": 80, "frauds": 1, "auc": None, "average_precision": None, "recall": 1, "fpr": None}]},
    "importances": [{"name": "amount_eur", "gain": 0.4, "shap": 1.2}, {"name": "gone", "gain": 0.0, "shap": 0.0}],
    "periods": {name: {"from": "2025-11-01T00:00:00+00:00", "until": "2025-11-20T00:00:00+00:00", "payments": 5,
                       "labels_known_on": "2025-11-25T00:00:00+00:00", "frauds": 2, "frauds_not_yet_known": 4}
                for name in ("train", "validation", "test")},
    "features": {"learned": ["amount_eur"], "constant": ["currency"], "allowed": ["hour"]},
    "chosen": {
        "imbalance": [{"name": "none", "average_precision": 0.7, "brier": 0.01, "log_loss": 0.1, "kept": True}],
        "calibration": [{"method": "isotonic", "brier": 0.01, "log_loss": 0.1, "kept": True}],
        "costs": {"chargeback_fee": 25.0, "challenge_stops": 0.9, "analyst_minutes": 4.0},
    },
}  # fmt: skip
