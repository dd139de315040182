"""From candidate to champion and back: by whom, what changes together, and what is refused with a sentence."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import msgspec
import pytest
from django.db import IntegrityError, connection, transaction

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.models import ActiveScorer, Scorer, ScorerArtefact, ScorerChange
from apps.fraud.scorers.artefact import ArtefactRefused, ScorerMismatch
from apps.fraud.scorers.trained import Operating
from apps.fraud.selectors.scorers import change_open, change_to_undo
from apps.fraud.services import scorer_force
from apps.fraud.services.scorer_force import OperatingRefused
from apps.fraud.services.scorer_stages import (
    ScorerChangeSettled,
    ScorerStageRefused,
    operating_set,
    scorer_approve,
    scorer_archive,
    scorer_go_back,
    scorer_propose,
    scorer_refuse,
    scorer_shadow,
    scorer_unshadow,
    scorer_withdraw,
    stand_down,
)
from kivendtout.lib.errors import NotAllowed
from kivendtout.lib.tenancy import tenant_scope
from tests.conftest import PASSWORD, make_person
from tests.scorers.small import NOON, small_scorer, small_trained

POINT = Operating(challenge=0.2, deny=0.6, weight=0.8, alone_deny=0.5)
OTHER = Operating(challenge=0.1, deny=0.5, weight=0.7, alone_deny=0.4)


@pytest.fixture
def analyst(in_tenant: Tenant) -> User:
    return make_person(in_tenant, "analyst")


@pytest.fixture
def lead(in_tenant: Tenant) -> User:
    return make_person(in_tenant, "lead")


def second_lead(tenant: Tenant) -> User:
    person = User.objects.create_user("second@kivendtout.example", PASSWORD, tenant=tenant, is_staff=True)
    person.groups.set(User.objects.get(email="lead@kivendtout.example").groups.all())
    return person


def made(tenant: Tenant, count: int = 1) -> list[Scorer]:
    return [small_scorer(tenant, trained=small_trained(seed=7 + n)) for n in range(count)]


def promoted(scorer: Scorer, analyst: User, lead: User, point: Operating = POINT, hours: int = 0) -> ScorerChange:
    at = NOON + timedelta(hours=hours)
    change = scorer_propose(scorer=scorer, operating=point, actor=analyst, now=at, note="Better")
    return scorer_approve(change=change, actor=lead, now=at)


def stages() -> dict[int, str]:
    return dict(Scorer.objects.values_list("number", "stage"))


def in_force() -> dict[str, Any]:
    row = ActiveScorer.objects.select_related("scorer").get()
    number = row.scorer.number if row.scorer else None
    return {
        "scorer": number,
        "challenge": row.challenge,
        "deny": row.deny,
        "weight": row.weight,
        "on_trial": row.shadows,
    }


# --- on trial ---------------------------------------------------------------------------------------------------------
def test_a_candidate_goes_on_trial_and_off_and_processes_hear_of_it(in_tenant: Tenant, analyst: User) -> None:
    first, second = made(in_tenant, 2)
    scorer_shadow(scorer=first, actor=analyst, now=NOON)
    scorer_shadow(scorer=second, actor=analyst, now=NOON)
    row = ActiveScorer.objects.get()
    assert (row.scorer, row.shadows, row.version) == (None, [1, 2], 2)
    scorer_unshadow(scorer=first, actor=analyst, now=NOON)
    row = ActiveScorer.objects.get()
    assert (row.shadows, row.version, stages()) == ([2], 3, {1: "candidate", 2: "shadow"})


def test_three_are_on_trial_at_most(in_tenant: Tenant, analyst: User) -> None:
    *three, fourth = made(in_tenant, 4)
    for one in three:
        scorer_shadow(scorer=one, actor=analyst, now=NOON)
    with pytest.raises(ScorerStageRefused, match="3 scorers are on trial already"):
        scorer_shadow(scorer=fourth, actor=analyst, now=NOON)


def test_an_archived_scorer_may_be_tried_again(in_tenant: Tenant, analyst: User) -> None:
    (one,) = made(in_tenant)
    scorer_archive(scorer=one, actor=analyst, now=NOON)
    with pytest.raises(ScorerStageRefused, match="archived"):
        scorer_propose(scorer=one, operating=POINT, actor=analyst, now=NOON, statement={})
    scorer_shadow(scorer=one, actor=analyst, now=NOON)
    assert stages() == {1: "shadow"}


def test_who_reads_does_not_move(in_tenant: Tenant) -> None:
    reader, (one,) = make_person(in_tenant, "read_only"), made(in_tenant)
    for move in (scorer_shadow, scorer_unshadow, scorer_archive):
        with pytest.raises(NotAllowed, match="does not propose"):
            move(scorer=one, actor=reader, now=NOON)


def test_a_stage_read_long_ago_is_read_again(in_tenant: Tenant, analyst: User) -> None:
    (one,) = made(in_tenant)
    stale = Scorer.objects.get()
    scorer_shadow(scorer=one, actor=analyst, now=NOON)
    with pytest.raises(ScorerStageRefused, match="has changed since you read it"):
        scorer_shadow(scorer=stale, actor=analyst, now=NOON)


# --- two people -------------------------------------------------------------------------------------------------------
def test_two_people_let_a_scorer_decide_and_everything_changes_together(
    in_tenant: Tenant, analyst: User, lead: User
) -> None:
    (one,) = made(in_tenant)
    change = scorer_propose(scorer=one, operating=POINT, actor=analyst, now=NOON, note="Catches twice as much")
    assert (change.state, change.before, change.after["scorer"]) == ("open", {"scorer": None}, 1)
    assert change.statement["source"] == "report"  # nothing has been decided here yet
    assert not ActiveScorer.objects.exists()
    scorer_approve(change=change, actor=lead, now=NOON)
    assert in_force() == {"scorer": 1, "challenge": 0.2, "deny": 0.6, "weight": 0.8, "on_trial": []}
    assert stages() == {1: "champion"}
    change.refresh_from_db()
    assert (change.state, change.asked_by, change.settled_by) == ("done", analyst, lead)


def test_the_one_that_decided_goes_on_trial(in_tenant: Tenant, analyst: User, lead: User) -> None:
    first, second = made(in_tenant, 2)
    promoted(first, analyst, lead)
    scorer_shadow(scorer=second, actor=analyst, now=NOON)
    promoted(second, analyst, lead, OTHER)
    assert stages() == {1: "shadow", 2: "champion"}
    assert in_force() == {"scorer": 2, "challenge": 0.1, "deny": 0.5, "weight": 0.7, "on_trial": [1]}


def test_it_is_archived_where_three_are_on_trial(in_tenant: Tenant, analyst: User, lead: User) -> None:
    first, second, *three = made(in_tenant, 5)
    promoted(first, analyst, lead)
    for one in three:
        scorer_shadow(scorer=one, actor=analyst, now=NOON)
    promoted(second, analyst, lead, OTHER)
    assert stages() == {1: "archived", 2: "champion", 3: "shadow", 4: "shadow", 5: "shadow"}


def test_nobody_approves_their_own(in_tenant: Tenant, lead: User) -> None:
    (one,) = made(in_tenant)
    change = scorer_propose(scorer=one, operating=POINT, actor=lead, now=NOON)
    with pytest.raises(NotAllowed, match="A second person"):
        scorer_approve(change=change, actor=lead, now=NOON)
    with pytest.raises(IntegrityError, match="promotion_by_two_people"), transaction.atomic():
        ScorerChange.objects.filter(pk=change.pk).update(state="done", settled_by=lead, settled_at=NOON)
    scorer_approve(change=change, actor=second_lead(in_tenant), now=NOON)
    assert stages() == {1: "champion"}


def test_an_analyst_proposes_and_does_not_approve(in_tenant: Tenant, analyst: User, lead: User) -> None:
    (one,) = made(in_tenant)
    change = scorer_propose(scorer=one, operating=POINT, actor=lead, now=NOON)
    for act in (scorer_approve, scorer_refuse):
        with pytest.raises(NotAllowed, match="Ask a team lead"):
            act(change=change, actor=analyst, now=NOON)


def test_an_outsider_does_nothing_here(in_tenant: Tenant, analyst: User, lead: User, outsider: User) -> None:
    (one,) = made(in_tenant)
    change = scorer_propose(scorer=one, operating=POINT, actor=analyst, now=NOON)
    acts = [
        lambda: scorer_shadow(scorer=one, actor=outsider, now=NOON),
        lambda: scorer_propose(scorer=one, operating=POINT, actor=outsider, now=NOON),
        lambda: scorer_approve(change=change, actor=outsider, now=NOON),
        lambda: scorer_withdraw(change=change, actor=outsider, now=NOON),
        lambda: scorer_go_back(tenant=in_tenant, actor=outsider, now=NOON),
        lambda: stand_down(tenant=in_tenant, actor=outsider, now=NOON),
        lambda: operating_set(tenant=in_tenant, operating=OTHER, actor=outsider, now=NOON),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            act()


def test_one_proposal_waits_at_a_time(in_tenant: Tenant, analyst: User) -> None:
    first, second = made(in_tenant, 2)
    scorer_propose(scorer=first, operating=POINT, actor=analyst, now=NOON)
    with pytest.raises(ScorerStageRefused, match=f"Scorer #1, proposed by {analyst}, waits"):
        scorer_propose(scorer=second, operating=POINT, actor=analyst, now=NOON)
    with pytest.raises(ScorerStageRefused, match="proposed for production"):
        scorer_archive(scorer=first, actor=analyst, now=NOON)


def test_who_comes_second_is_told_who_was_first(in_tenant: Tenant, analyst: User, lead: User) -> None:
    (one,) = made(in_tenant)
    change = scorer_propose(scorer=one, operating=POINT, actor=analyst, now=NOON)
    stale = ScorerChange.objects.get()
    scorer_refuse(change=change, actor=lead, now=NOON)
    with pytest.raises(ScorerChangeSettled) as told:
        scorer_approve(change=stale, actor=second_lead(in_tenant), now=NOON)
    assert f"{lead} was first: the proposal is settled (Refused, 2025-12-01 12:00)" in told.value.message
    assert not ActiveScorer.objects.exists()
    assert stages() == {1: "candidate"}


def test_a_proposal_is_withdrawn_by_who_made_it(in_tenant: Tenant, analyst: User, lead: User) -> None:
    (one,) = made(in_tenant)
    change = scorer_propose(scorer=one, operating=POINT, actor=analyst, now=NOON)
    with pytest.raises(NotAllowed, match="Only who proposed it"):
        scorer_withdraw(change=change, actor=lead, now=NOON)
    assert scorer_withdraw(change=change, actor=analyst, now=NOON).state == "withdrawn"
    assert change_open() is None


def test_the_champion_itself_is_proposed_with_other_thresholds(in_tenant: Tenant, analyst: User, lead: User) -> None:
    (one,) = made(in_tenant)
    promoted(one, analyst, lead)
    with pytest.raises(ScorerStageRefused, match="decides already"):
        scorer_propose(scorer=one, operating=POINT, actor=analyst, now=NOON, statement={})
    promoted(one, analyst, lead, OTHER)
    assert (in_force()["weight"], stages()) == (0.7, {1: "champion"})


@pytest.mark.parametrize("point", [(0.9, 0.2, 0.5, 0.5), (0.1, 1.2, 0.5, 0.5), (0.1, 0.2, -1.0, 0.5)])
def test_thresholds_that_make_no_sense_are_refused(in_tenant: Tenant, analyst: User, point: tuple[float, ...]) -> None:
    (one,) = made(in_tenant)
    with pytest.raises(OperatingRefused):
        scorer_propose(scorer=one, operating=Operating(**dict(zip(POINT.__struct_fields__, point, strict=True))),
                       actor=analyst, now=NOON)  # fmt: skip


# --- what does not match, or is damaged -------------------------------------------------------------------------------
def test_a_scorer_that_no_longer_matches_is_refused_with_the_difference(
    in_tenant: Tenant, analyst: User, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = made(in_tenant)
    change = scorer_propose(scorer=one, operating=POINT, actor=analyst, now=NOON)
    known = {name: feature for name, feature in CATALOGUE.items() if name != "hour"}
    monkeypatch.setattr("apps.fraud.scorers.scorer.CATALOGUE", known)
    with pytest.raises(ScorerMismatch, match="hour is not in the catalogue"):
        scorer_approve(change=change, actor=lead, now=NOON)
    assert (stages(), change_open()) == ({1: "candidate"}, change)


def test_a_damaged_artefact_never_decides(
    in_tenant: Tenant, analyst: User, lead: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = made(in_tenant)
    change = scorer_propose(scorer=one, operating=POINT, actor=analyst, now=NOON)
    content = bytes(ScorerArtefact.objects.get().content)
    monkeypatch.setattr(scorer_force, "scorer_content", lambda **_scorer: content[:-1] + b"?")
    with pytest.raises(ArtefactRefused):
        scorer_approve(change=change, actor=lead, now=NOON)
    with pytest.raises(ArtefactRefused):
        scorer_shadow(scorer=one, actor=analyst, now=NOON)


# --- and back ---------------------------------------------------------------------------------------------------------
def test_one_person_goes_back_step_by_step_to_the_rules_alone(in_tenant: Tenant, analyst: User, lead: User) -> None:
    first, second = made(in_tenant, 2)
    promoted(first, analyst, lead)
    promoted(second, analyst, lead, OTHER, hours=1)
    counter = ActiveScorer.objects.get().version
    scorer_go_back(tenant=in_tenant, actor=lead, now=NOON + timedelta(hours=2), note="Too many alerts")
    assert in_force() == {"scorer": 1, "challenge": 0.2, "deny": 0.6, "weight": 0.8, "on_trial": []}
    assert (stages(), ActiveScorer.objects.get().version) == ({1: "champion", 2: "candidate"}, counter + 1)
    scorer_go_back(tenant=in_tenant, actor=lead, now=NOON + timedelta(hours=3))
    assert (in_force()["scorer"], stages()) == (None, {1: "candidate", 2: "candidate"})
    with pytest.raises(ScorerStageRefused, match="nothing to go back to"):
        scorer_go_back(tenant=in_tenant, actor=lead, now=NOON + timedelta(hours=4))


def test_after_a_return_the_next_promotion_can_be_taken_back_too(in_tenant: Tenant, analyst: User, lead: User) -> None:
    first, second = made(in_tenant, 2)
    promoted(first, analyst, lead)
    promoted(second, analyst, lead, OTHER, hours=1)
    scorer_go_back(tenant=in_tenant, actor=lead, now=NOON + timedelta(hours=2))
    promoted(second, analyst, lead, OTHER, hours=3)
    scorer_go_back(tenant=in_tenant, actor=lead, now=NOON + timedelta(hours=4))
    assert in_force()["scorer"] == 1


def test_two_who_go_back_at_once_go_back_once(in_tenant: Tenant, analyst: User, lead: User) -> None:
    first, second = made(in_tenant, 2)
    promoted(first, analyst, lead)
    promoted(second, analyst, lead, OTHER, hours=1)
    seen = change_to_undo()
    assert seen is not None
    scorer_go_back(tenant=in_tenant, actor=lead, now=NOON + timedelta(hours=2), expected=seen.pk)
    with pytest.raises(ScorerStageRefused, match=f"{lead} has just changed what decides"):
        scorer_go_back(tenant=in_tenant, actor=second_lead(in_tenant), now=NOON + timedelta(hours=2), expected=seen.pk)
    assert in_force()["scorer"] == 1


def test_the_latest_change_is_the_one_that_came_last_whatever_the_clocks_of_those_who_asked_say(
    in_tenant: Tenant, analyst: User, lead: User
) -> None:
    """A moment is read before the lock is held: who asked first may come second."""
    (one,) = made(in_tenant)
    promoted(one, analyst, lead)
    for challenge, seconds in ((0.25, 2), (0.3, 1)):
        at = NOON + timedelta(seconds=seconds)
        operating_set(tenant=in_tenant, operating=moved(challenge=challenge), actor=lead, now=at)
    scorer_go_back(tenant=in_tenant, actor=lead, now=NOON)
    assert in_force()["challenge"] == 0.25
    scorer_go_back(tenant=in_tenant, actor=lead, now=NOON)
    assert in_force()["challenge"] == 0.2


def test_a_promotion_that_waited_while_others_changed_what_decides_comes_last_or_not_at_all(
    in_tenant: Tenant, analyst: User, lead: User
) -> None:
    """Changes are put in the order of their rows: so a proposal must not be settled after a younger change."""
    first, second = made(in_tenant, 2)
    promoted(first, analyst, lead)
    waiting = scorer_propose(scorer=second, operating=OTHER, actor=analyst, now=NOON, statement={})
    operating_set(tenant=in_tenant, operating=moved(challenge=0.25), actor=lead, now=NOON)
    scorer_go_back(tenant=in_tenant, actor=lead, now=NOON)  # as it was when the proposal was made
    with pytest.raises(ScorerChangeSettled, match="Withdrawn"):
        scorer_approve(change=waiting, actor=lead, now=NOON)


def test_going_back_withdraws_what_was_proposed_on_other_grounds(in_tenant: Tenant, analyst: User, lead: User) -> None:
    first, second = made(in_tenant, 2)
    promoted(first, analyst, lead)
    change = scorer_propose(scorer=second, operating=OTHER, actor=analyst, now=NOON)
    stand_down(tenant=in_tenant, actor=lead, now=NOON)
    with pytest.raises(ScorerChangeSettled, match="Withdrawn"):
        scorer_approve(change=change, actor=lead, now=NOON)


def test_the_rules_decide_alone_at_once_and_the_scorer_comes_back_with_its_thresholds(
    in_tenant: Tenant, analyst: User, lead: User
) -> None:
    (one,) = made(in_tenant)
    promoted(one, analyst, lead)
    stand_down(tenant=in_tenant, actor=lead, now=NOON + timedelta(hours=1))
    assert in_force()["scorer"] is None
    with pytest.raises(ScorerStageRefused, match="alone already"):
        stand_down(tenant=in_tenant, actor=lead, now=NOON + timedelta(hours=1))
    scorer_go_back(tenant=in_tenant, actor=lead, now=NOON + timedelta(hours=2))
    assert in_force() == {"scorer": 1, "challenge": 0.2, "deny": 0.6, "weight": 0.8, "on_trial": []}


def test_the_champion_is_not_archived(in_tenant: Tenant, analyst: User, lead: User) -> None:
    (one,) = made(in_tenant)
    promoted(one, analyst, lead)
    with pytest.raises(ScorerStageRefused, match="This scorer decides"):
        scorer_archive(scorer=one, actor=analyst, now=NOON)


# --- thresholds -------------------------------------------------------------------------------------------------------
def moved(**values: float) -> Operating:
    found: Operating = msgspec.structs.replace(POINT, **values)
    return found


def test_a_lead_raises_a_threshold_alone_and_takes_it_back(in_tenant: Tenant, analyst: User, lead: User) -> None:
    (one,) = made(in_tenant)
    promoted(one, analyst, lead)
    at = NOON + timedelta(hours=1)
    operating_set(tenant=in_tenant, operating=moved(challenge=0.35), actor=lead, now=at, note="Flood")
    assert in_force()["challenge"] == 0.35
    scorer_go_back(tenant=in_tenant, actor=lead, now=at + timedelta(hours=1))
    assert in_force()["challenge"] == 0.2


def test_steps_of_one_person_do_not_add_up(in_tenant: Tenant, analyst: User, lead: User) -> None:
    (one,) = made(in_tenant)
    promoted(one, analyst, lead)
    operating_set(tenant=in_tenant, operating=moved(challenge=0.4), actor=lead, now=NOON)
    with pytest.raises(OperatingRefused, match=r"between 0\.1 and 0\.4"):
        operating_set(tenant=in_tenant, operating=moved(challenge=0.41), actor=lead, now=NOON)
    with pytest.raises(OperatingRefused, match=r"between 0\.3 and 1"):
        operating_set(tenant=in_tenant, operating=moved(deny=0.25), actor=lead, now=NOON)
    with pytest.raises(OperatingRefused, match="weight is changed by two people"):
        operating_set(tenant=in_tenant, operating=moved(weight=0.5), actor=lead, now=NOON)
    with pytest.raises(NotAllowed):
        operating_set(tenant=in_tenant, operating=moved(challenge=0.3), actor=analyst, now=NOON)


def test_after_a_return_one_person_moves_only_from_what_two_people_approved_and_is_in_force(
    in_tenant: Tenant, analyst: User, lead: User
) -> None:
    (one,) = made(in_tenant)
    promoted(one, analyst, lead)
    low = Operating(challenge=0.02, deny=0.06, weight=0.8, alone_deny=0.05)
    promoted(one, analyst, lead, low, hours=1)
    scorer_go_back(tenant=in_tenant, actor=lead, now=NOON + timedelta(hours=2))
    at = NOON + timedelta(hours=3)
    with pytest.raises(OperatingRefused, match=r"between 0\.1 and 0\.4"):
        operating_set(tenant=in_tenant, operating=moved(challenge=0.01, deny=0.03), actor=lead, now=at)
    operating_set(tenant=in_tenant, operating=moved(challenge=0.25), actor=lead, now=at)
    assert in_force()["challenge"] == 0.25


def test_after_the_rules_alone_were_taken_back_the_approved_thresholds_still_bound(
    in_tenant: Tenant, analyst: User, lead: User
) -> None:
    (one,) = made(in_tenant)
    promoted(one, analyst, lead)
    stand_down(tenant=in_tenant, actor=lead, now=NOON + timedelta(hours=1))
    scorer_go_back(tenant=in_tenant, actor=lead, now=NOON + timedelta(hours=2))
    with pytest.raises(OperatingRefused, match=r"between 0\.1 and 0\.4"):
        operating_set(tenant=in_tenant, operating=moved(challenge=0.01), actor=lead, now=NOON + timedelta(hours=3))


def test_without_a_champion_there_are_no_thresholds_to_move(in_tenant: Tenant, lead: User) -> None:
    with pytest.raises(ScorerStageRefused, match="No scorer decides"):
        operating_set(tenant=in_tenant, operating=POINT, actor=lead, now=NOON)


# --- the record -------------------------------------------------------------------------------------------------------
def test_every_change_stays_on_record_with_its_person(in_tenant: Tenant, analyst: User, lead: User) -> None:
    (one,) = made(in_tenant)
    scorer_shadow(scorer=one, actor=analyst, now=NOON)
    promoted(one, analyst, lead)
    scorer_go_back(tenant=in_tenant, actor=lead, now=NOON, note="False alarm at night")
    told = [(row.kind, row.state, row.asked_by, row.settled_by) for row in ScorerChange.objects.order_by("pk")]
    assert told == [
        ("shadow", "done", analyst, analyst),
        ("promote", "done", analyst, lead),
        ("go_back", "done", lead, lead),
    ]
    assert ScorerChange.objects.latest("pk").note == "False alarm at night"
    for spoil in (lambda row: row.update(note="other"), lambda row: row.delete()):
        with pytest.raises(IntegrityError, match="is a record"), transaction.atomic():
            spoil(ScorerChange.objects.filter(kind="promote"))
    assert AuditEntry.objects.filter(content_type__model="activescorer").count() == 3
    assert AuditEntry.objects.filter(content_type__model="scorer", changes__has_key="stage").count() >= 3


@pytest.mark.django_db(transaction=True)
def test_of_two_who_settle_at_the_same_moment_one_wins_and_the_other_is_told(in_tenant: Tenant) -> None:
    analyst, lead = make_person(in_tenant, "analyst"), make_person(in_tenant, "lead")
    other = second_lead(in_tenant)
    (one,) = made(in_tenant)
    change = scorer_propose(scorer=one, operating=POINT, actor=analyst, now=NOON)
    together, told = Barrier(2), []

    def settle(act: Any, who: User) -> None:
        try:
            with tenant_scope(in_tenant.pk):
                together.wait(10)
                act(change=change, actor=who, now=NOON)
                told.append("done")
        except ScorerChangeSettled as error:
            told.append(error.message)
        finally:
            connection.close()

    threads = [Thread(target=settle, args=pair) for pair in ((scorer_approve, lead), (scorer_refuse, other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = ScorerChange.objects.get().settled_by
    first, second = sorted(told, key=len)
    assert first == "done"
    assert f"{winner} was first" in second
    assert (ScorerChange.objects.get().state == "done") == (stages() == {1: "champion"})
