"""Why a decision was what it was, from its stored row by the scorer that decided; kept for alerts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.compliance.models import Tenant
from apps.fraud.engine.decide import ListHit, RuleHit
from apps.fraud.models import ActiveScorer, Decision, Explanation, ScorerArtefact
from apps.fraud.scorers.scorer import Scorer
from apps.fraud.services import explanations
from apps.fraud.services.decisions_store import pack_row
from apps.fraud.services.explanations import decision_explain, decision_rescore, explanations_make
from apps.fraud.services.replay import stored_read
from apps.fraud.services.scoring import payments_decide
from apps.fraud.services.unreadable import LEFT_ALONE, MOST, Unreadable
from apps.fraud.state.scorer_memory import scorer_memory
from tests.factories import make_customer
from tests.fraud.explain.scored import alerted, decided, fraud_row
from tests.fraud.scoring.events import an_event
from tests.scorers.small import NOON, small_scorer, small_trained

HIT = RuleHit("NIGHT", 1, 20, "", "MEDIUM", "La nuit.", "At night.")


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    scorer_memory._numbered.clear()
    scorer_memory._held.clear()
    explanations._row.cache_clear()
    explanations._unreadable.clear()


def test_rules_and_scorer_add_up_to_the_score_exactly(in_tenant: Tenant) -> None:
    found = decision_explain(decided(in_tenant, small_scorer(in_tenant), fraud_row(), rules=(HIT,)))
    steps = found.waterfall.steps
    assert steps[-1].end == found.stored.judgement.score
    assert round(sum(step.share for step in steps), 6) == found.stored.judgement.score
    assert {step.kind for step in steps} == {"rule", "start", "scorer", "others"}


def test_the_top_reasons_are_different_facts_in_two_languages(in_tenant: Tenant) -> None:
    found = decision_explain(decided(in_tenant, small_scorer(in_tenant), fraud_row(), rules=(HIT,)))
    assert 3 <= len(found.raised) <= 5
    assert len({one.code for one in found.raised}) == len(found.raised)
    assert all(one.fr and one.en and one.fr != one.en for one in found.raised)
    assert any("€" in one.en for one in found.raised), found.raised


def test_what_lowered_the_score_is_told_apart(in_tenant: Tenant) -> None:
    found = decision_explain(decided(in_tenant, small_scorer(in_tenant), fraud_row(12)))
    assert found.lowered and all(one.share < 0 for one in found.lowered)
    assert all(one.share > 0 for one in found.raised)


def test_without_a_scorer_the_rules_are_all_there_is(in_tenant: Tenant) -> None:
    found = decision_explain(decided(in_tenant, None, fraud_row(), rules=(HIT,)))
    assert [one.code for one in found.raised] == ["NIGHT"]
    assert found.readable


def test_a_list_that_settled_it_stands_first_and_is_not_told_to_the_customer(in_tenant: Tenant) -> None:
    listed = ListHit("stolen_cards", "deny", False, 7, "Figure dans la liste.", "Stands on the list.")
    found = decision_explain(decided(in_tenant, small_scorer(in_tenant), fraud_row(), inputs={"lists": (listed,)}))
    assert (found.raised[0].kind, found.raised[0].settles) == ("list", True)
    assert [one.code for one in found.letter.reasons] == ["security_check"]


@pytest.mark.parametrize(("effect", "raises", "settles"), [("allow", False, True), ("watch", True, False)])
def test_a_list_is_always_a_reason_and_an_allow_list_one_that_lowers(
    in_tenant: Tenant, effect: str, raises: bool, settles: bool
) -> None:
    listed = ListHit("known_well", effect, False, 7, "Figure dans la liste.", "Stands on the list.")
    found = decision_explain(decided(in_tenant, small_scorer(in_tenant), fraud_row(), inputs={"lists": (listed,)}))
    [told] = [one for one in found.reasons if one.kind == "list"]
    assert (told.raises, told.settles) == (raises, settles)
    assert told in (found.raised if raises else found.lowered)


@pytest.mark.parametrize("damage", ["artefact", "number", "digest", "probability"])
def test_a_scorer_that_cannot_be_read_leaves_the_rules_and_says_so(in_tenant: Tenant, damage: str) -> None:
    scorer = small_scorer(in_tenant)
    fields = {
        "number": {"scorer_version": "99:000000000000"},
        "digest": {"scorer_version": f"{scorer.number}:000000000000"},
        "probability": {"inputs": {"scorer_score": 0.123456}},
    }.get(damage, {})
    decision = decided(in_tenant, scorer, fraud_row(), rules=(HIT,), **fields)
    if damage == "artefact":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE fraud_scorerartefact DISABLE TRIGGER USER")
            ScorerArtefact.objects.filter(scorer=scorer).update(content=b"damaged")
            cursor.execute("ALTER TABLE fraud_scorerartefact ENABLE TRIGGER USER")
    found = decision_explain(decision)
    assert not found.readable
    assert {one.kind for one in found.raised} == {"rule", "scorer"}
    assert round(sum(step.share for step in found.waterfall.steps), 6) == found.stored.judgement.score


def test_the_scorer_that_decided_is_asked_again_of_another_row(in_tenant: Tenant) -> None:
    row = fraud_row()
    decision = decided(in_tenant, small_scorer(in_tenant), row)
    rescore = decision_rescore(decision, stored_read(decision))
    assert rescore is not None
    other = fraud_row(3)
    assert [rescore(row), rescore(other)] == Scorer(small_trained().artefact).probabilities([row, other])


def test_without_a_scorer_there_is_none_to_ask(in_tenant: Tenant) -> None:
    decision = decided(in_tenant, None, fraud_row())
    assert decision_rescore(decision, stored_read(decision)) is None


def test_a_payment_that_was_just_decided_is_explained(in_tenant: Tenant) -> None:
    ActiveScorer.objects.create(
        scorer=small_scorer(in_tenant), version=1, challenge=0.0, deny=0.0001, weight=0.8, changed_at=NOON
    )
    event = an_event(make_customer(in_tenant))
    done = payments_decide(tenant_id=in_tenant.pk, events=[event], source="test", now=NOON)
    decision = Decision.objects.get(pk=done.recorded.new[0])
    assert explanations_make(tenant_id=in_tenant.pk, now=NOON).made == 1
    found = decision_explain(decision)
    assert found.readable and found.letter.reasons
    assert round(sum(step.share for step in found.waterfall.steps), 6) == decision.score


# --- kept for alerts --------------------------------------------------------------------------------------------------
def test_alerts_have_their_explanations_kept_once(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    decisions = [decided(in_tenant, scorer, fraud_row(n)) for n in range(3)]
    for one in decisions[:2]:
        alerted(one)
    assert explanations_make(tenant_id=in_tenant.pk, now=NOON).made == 2
    assert explanations_make(tenant_id=in_tenant.pk, now=NOON).made == 0
    assert set(Explanation.objects.values_list("payment_id", flat=True)) == {one.pk for one in decisions[:2]}


def test_what_was_kept_tells_the_same_and_needs_no_scorer(in_tenant: Tenant) -> None:
    decision = decided(in_tenant, small_scorer(in_tenant), fraud_row(), rules=(HIT,))
    alerted(decision)
    fresh = decision_explain(decision)
    explanations_make(tenant_id=in_tenant.pk, now=NOON)
    scorer_memory._numbered.clear()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        kept = decision_explain(decision)
    assert (kept.waterfall, kept.reasons, kept.letter) == (fresh.waterfall, fresh.reasons, fresh.letter)
    assert not any("scorerartefact" in one["sql"] for one in asked.captured_queries)


def test_a_batch_is_bounded_and_the_newest_come_first(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    decisions = [decided(in_tenant, scorer, fraud_row(n)) for n in range(3)]
    for one in decisions:
        alerted(one)
    assert explanations_make(tenant_id=in_tenant.pk, now=NOON, limit=1).made == 1
    assert Explanation.objects.get().payment_id == decisions[-1].pk


def test_an_old_alert_and_one_of_rules_alone_are_left(in_tenant: Tenant) -> None:
    alerted(decided(in_tenant, small_scorer(in_tenant), fraud_row()), hours_ago=30)
    alerted(decided(in_tenant, None, fraud_row()))
    assert explanations_make(tenant_id=in_tenant.pk, now=NOON).made == 0


def test_one_alert_that_cannot_be_explained_does_not_hold_up_the_others(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    alerted(decided(in_tenant, scorer, fraud_row()))
    alerted(decided(in_tenant, scorer, fraud_row(1), inputs={"scorer_score": 0.5}))
    alerted(decided(in_tenant, scorer, fraud_row(2), scorer_version="99:000000000000"))
    done = explanations_make(tenant_id=in_tenant.pk, now=NOON)
    assert (done.made, done.unreadable) == (1, 2)


@pytest.mark.parametrize(
    "damage", [{"features": b"\xc1"}, {"features": pack_row([1.0])}, {"inputs": "{}"}, {"ruleset_number": 987}]
)
def test_a_stored_row_that_cannot_be_read_costs_its_own_explanation_and_no_other(
    in_tenant: Tenant, damage: dict[str, Any]
) -> None:
    scorer = small_scorer(in_tenant)
    whole, damaged, newest = (decided(in_tenant, scorer, fraud_row(n)) for n in range(3))
    for one in (whole, damaged, newest):
        alerted(one)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE fraud_decision DISABLE TRIGGER USER")
        Decision.objects.filter(pk=damaged.pk).update(**damage)
        cursor.execute("ALTER TABLE fraud_decision ENABLE TRIGGER USER")
    done = explanations_make(tenant_id=in_tenant.pk, now=NOON)
    assert (done.made, done.unreadable) == (2, 1)
    assert set(Explanation.objects.values_list("payment_id", flat=True)) == {whole.pk, newest.pk}


def test_alerts_that_cannot_be_explained_do_not_hide_older_ones(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    older = decided(in_tenant, scorer, fraud_row())
    newer = decided(in_tenant, scorer, fraud_row(1), inputs={"scorer_score": 0.5})
    for one in (older, newer):
        alerted(one)
    first, second, third = (explanations_make(tenant_id=in_tenant.pk, now=NOON, limit=1) for _n in range(3))
    assert (first.made, first.unreadable) == (0, 1)
    assert (second.made, second.unreadable) == (1, 0)
    assert (third.made, third.unreadable) == (0, 0)  # left alone, and not read every ten seconds
    assert explanations_make(tenant_id=in_tenant.pk, now=NOON + LEFT_ALONE).unreadable == 1


def test_no_more_than_some_thousand_are_left_alone() -> None:
    kept = Unreadable()
    kept.add(range(MOST + 10), NOON)
    assert len(kept.left_alone(NOON)) == MOST
    assert MOST + 9 in kept and 9 not in kept


def test_a_neighbours_alerts_are_its_own(in_tenant: Tenant, neighbour: Tenant) -> None:
    alerted(decided(in_tenant, small_scorer(in_tenant), fraud_row()))
    assert explanations_make(tenant_id=neighbour.pk, now=NOON).made == 0
    assert not Explanation.objects.exists()
