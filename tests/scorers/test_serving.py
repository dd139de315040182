"""Scorers in force: they decide together with rules, are swapped whole, and can never stop a payment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import OperationalError, transaction

from apps.compliance.models import Tenant
from apps.fraud.engine.decide import Inputs
from apps.fraud.models import ActiveScorer, Decision, OperationalAlert, ScorerArtefact, ShadowScore
from apps.fraud.models import Scorer as ScorerRow
from apps.fraud.scorers.artefact import ArtefactRefused, ScorerMismatch
from apps.fraud.scorers.scorer import Scorer
from apps.fraud.services import operational_alerts, scorer_trouble
from apps.fraud.services.engine import Trouble, policy_memory
from apps.fraud.services.replay import decision_replay
from apps.fraud.services.scorer_trials import shadow_scores_forget
from apps.fraud.services.scorer_trouble import troubles_tell
from apps.fraud.services.scoring import payments_decide
from apps.fraud.state import scorer_memory as memory_module
from apps.fraud.state.scorer_guard import PAUSE_SECONDS, SLOW_IN_A_ROW, ScorerGuard, scorer_guard
from apps.fraud.state.scorer_memory import AGAIN, InForce, Loaded, ScorerMemory, ScorerUnknown, scorer_memory
from tests.factories import make_customer
from tests.fraud.scoring.events import NOON, an_event
from tests.scorers.small import small_rows, small_scorer, small_trained

LATER = NOON + timedelta(hours=1)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    scorer_memory._held.clear()
    scorer_memory._numbered.clear()
    scorer_guard._standings.clear()
    scorer_trouble._told.clear()


def in_force(tenant: Tenant, scorer: ScorerRow | None, *, shadows: list[int] | None = None, **operating: float) -> None:
    point = {"challenge": 0.15, "deny": 0.45, "weight": 0.8, "alone_deny": 0.5} | operating
    row = ActiveScorer.objects.filter(tenant=tenant).first() or ActiveScorer(tenant=tenant, version=0)
    row.scorer, row.shadows, row.version, row.changed_at = scorer, shadows or [], row.version + 1, NOON
    for name, value in point.items():
        setattr(row, name, value)
    row.save()
    scorer_memory._held.pop(tenant.pk, None)


def decided(tenant: Tenant, **fields: Any) -> Decision:
    done = payments_decide(
        tenant_id=tenant.pk, events=[an_event(make_customer(tenant), **fields)], source="test", now=LATER
    )
    return Decision.objects.get(pk=done.recorded.new[0])


def inputs(decision: Decision) -> Inputs:
    return msgspec.json.decode(decision.inputs, type=Inputs)


# --- it speaks --------------------------------------------------------------------------------------------------------
def test_without_a_scorer_in_force_rules_decide_by_the_tenants_own_thresholds(in_tenant: Tenant) -> None:
    decision = decided(in_tenant)
    assert (inputs(decision).scorer, decision.scorer_version, decision.degraded) == ("none", "", False)
    assert inputs(decision).policy == policy_memory.current(in_tenant.pk).policy


def test_the_champion_scores_each_payment_by_its_own_operating_point(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    in_force(in_tenant, scorer, challenge=0.11, deny=0.33, weight=0.9)
    decision = decided(in_tenant)
    told = inputs(decision)
    row = msgspec.msgpack.decode(bytes(decision.features))
    assert told.scorer == "ok"
    assert told.scorer_score == Scorer(small_trained().artefact).probabilities([row])[0]
    assert decision.scorer_version == scorer.version
    assert (told.policy.challenge, told.policy.deny, told.policy.scorer_weight) == (0.11, 0.33, 0.9)
    assert decision_replay(decision=decision).differences == []


def test_a_scorer_that_weighs_most_is_the_first_reason_and_names_the_alert(in_tenant: Tenant) -> None:
    in_force(in_tenant, small_scorer(in_tenant), challenge=0.0, deny=0.0001, weight=1.0)
    decision = decided(in_tenant)
    judgement = msgspec.json.decode(decision.judgement)
    assert decision.outcome == Decision.Outcome.DENY
    assert judgement["reasons"][0]["code"] == "SCORER"
    assert "modèle appris" in judgement["reasons"][0]["fr"]
    assert decision.payment.alerts.get().rule == "SCORER"


def test_scorers_on_trial_score_without_deciding(in_tenant: Tenant) -> None:
    champion, trial = small_scorer(in_tenant), small_scorer(in_tenant, trained=small_trained(seed=8))
    in_force(in_tenant, champion, shadows=[trial.number])
    decision = decided(in_tenant)
    kept = ShadowScore.objects.get()
    row = msgspec.msgpack.decode(bytes(decision.features))
    assert (kept.payment_id, kept.scorer_id) == (decision.pk, trial.pk)
    assert kept.score == Scorer(small_trained(seed=8).artefact).probabilities([row])[0]
    assert decision.scorer_version == champion.version


def test_scorers_on_trial_score_where_rules_decide_alone(in_tenant: Tenant) -> None:
    trial = small_scorer(in_tenant)
    in_force(in_tenant, None, shadows=[trial.number])
    decision = decided(in_tenant)
    assert (inputs(decision).scorer, decision.degraded) == ("none", False)
    assert ShadowScore.objects.filter(payment_id=decision.pk, scorer=trial).exists()


def test_another_tenants_scorer_is_not_asked(in_tenant: Tenant) -> None:
    other = Tenant.objects.create(slug="voisin-scorer", name="Voisin")
    with pytest.raises(ScorerUnknown):
        scorer_memory.numbered(other.pk, small_scorer(in_tenant).number)


def test_what_scorers_on_trial_said_is_forgotten_after_half_a_year(in_tenant: Tenant) -> None:
    trial = small_scorer(in_tenant)
    in_force(in_tenant, None, shadows=[trial.number])
    decided(in_tenant)
    assert shadow_scores_forget(now=LATER + timedelta(days=179)) == 0
    assert shadow_scores_forget(now=LATER + timedelta(days=181)) == 1


# --- it is swapped ----------------------------------------------------------------------------------------------------
def test_a_swap_is_followed_within_half_a_second_and_brings_its_thresholds_along(in_tenant: Tenant) -> None:
    first, second = small_scorer(in_tenant), small_scorer(in_tenant, trained=small_trained(seed=8))
    clock = [0.0]
    memory = ScorerMemory(clock=lambda: clock[0])
    in_force(in_tenant, first, challenge=0.1)
    assert memory.current(in_tenant.pk).champion.version == first.version  # type: ignore[union-attr]
    in_force(in_tenant, second, challenge=0.2)
    clock[0] = 0.49
    assert memory.current(in_tenant.pk).champion.version == first.version  # type: ignore[union-attr]
    clock[0] = 0.51
    found = memory.current(in_tenant.pk)
    assert found.champion is not None and found.operating is not None
    assert (found.champion.version, found.operating.challenge) == (second.version, 0.2)


def test_no_snapshot_ever_mixes_two_scorers(in_tenant: Tenant) -> None:
    """Swapped as fast as it can be while another thread reads: each snapshot has the thresholds of its champion."""
    pair = {0.1: small_scorer(in_tenant), 0.2: small_scorer(in_tenant, trained=small_trained(seed=8))}
    in_force(in_tenant, pair[0.1], challenge=0.1)
    memory = ScorerMemory(every=0.0)
    seen: set[tuple[str, float]] = set()

    def swap_and_read() -> None:
        for turn in range(40):
            threshold = (0.1, 0.2)[turn % 2]
            in_force(in_tenant, pair[threshold], challenge=threshold)
            found = memory.current(in_tenant.pk)
            assert found.champion is not None and found.operating is not None
            seen.add((found.champion.version, found.operating.challenge))

    swap_and_read()
    assert seen == {(scorer.version, threshold) for threshold, scorer in pair.items()}


def test_who_has_a_scorer_does_not_wait_for_who_loads_the_next(in_tenant: Tenant) -> None:
    in_force(in_tenant, small_scorer(in_tenant))
    clock = [0.0]
    memory = ScorerMemory(clock=lambda: clock[0])
    found = memory.current(in_tenant.pk)
    clock[0] = 10.0
    answers: list[InForce] = []
    with memory._held[in_tenant.pk].lock:  # somebody is loading
        reader = threading.Thread(target=lambda: answers.append(memory.current(in_tenant.pk)))
        reader.start()
        reader.join(5)
    assert answers == [found]


# --- it fails ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("answer", ["raises", "nan", "too few", "beyond one"])
def test_rules_decide_when_the_scorer_fails_and_the_decision_says_so_and_somebody_is_told(
    in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch, answer: str, django_capture_on_commit_callbacks: Any
) -> None:
    scorer = small_scorer(in_tenant)
    in_force(in_tenant, scorer, challenge=0.0, deny=0.0001)

    def speak(_self: Scorer, rows: Any) -> list[float]:
        if answer == "raises":
            raise MemoryError
        return {"nan": [float("nan")] * len(rows), "too few": [], "beyond one": [1.5] * len(rows)}[answer]

    monkeypatch.setattr(Scorer, "probabilities", speak)
    with django_capture_on_commit_callbacks(execute=True):
        decision = decided(in_tenant)
    told = inputs(decision)
    assert (told.scorer, told.scorer_score, told.degraded) == ("down", None, ("scorer",))
    assert told.policy == policy_memory.current(in_tenant.pk).policy  # made for rules, not for the scorer
    assert decision.degraded and decision.scorer_version == ""
    alert = OperationalAlert.objects.get()
    assert (alert.kind, alert.scorer_id, alert.status) == ("scorer_failed", scorer.pk, "open")
    assert decision_replay(decision=decision).identical


def test_a_corrupt_artefact_leaves_the_rules_deciding(
    in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    scorer = small_scorer(in_tenant)
    in_force(in_tenant, scorer)
    real = ScorerArtefact.objects.get().content
    monkeypatch.setattr("apps.fraud.state.scorer_memory.Scorer", lambda _content, **named: Scorer(b"\x00", **named))
    with django_capture_on_commit_callbacks(execute=True):
        decision = decided(in_tenant)
    assert bytes(real)  # what is stored is whole: the disk under it was not
    assert inputs(decision).degraded == ("scorer",)
    assert "damaged" in OperationalAlert.objects.get().facts["detail"]


def test_a_scorer_that_fails_is_told_of_once_a_minute_not_once_a_payment(
    in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    in_force(in_tenant, small_scorer(in_tenant))
    monkeypatch.setattr(Scorer, "probabilities", lambda _self, rows: [])
    with django_capture_on_commit_callbacks(execute=True):
        for _n in range(3):
            decided(in_tenant)
    assert OperationalAlert.objects.get().times == 1


TROUBLE = (Trouble("scorer_failed", None, "MemoryError"),)


def test_what_was_told_of_in_a_transaction_that_was_undone_is_told_again(
    in_tenant: Tenant, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        with pytest.raises(OperationalError), transaction.atomic():
            troubles_tell(tenant_id=in_tenant.pk, troubles=TROUBLE, now=NOON)
            raise OperationalError
        assert not OperationalAlert.objects.exists()
        troubles_tell(tenant_id=in_tenant.pk, troubles=TROUBLE, now=NOON)
    assert OperationalAlert.objects.get().times == 1


def test_an_alert_that_could_not_be_written_is_tried_again_with_the_next_payment(
    in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    with monkeypatch.context() as broken, django_capture_on_commit_callbacks(execute=True):
        broken.setattr(operational_alerts, "RAISE", "SELECT 1 / 0")
        troubles_tell(tenant_id=in_tenant.pk, troubles=TROUBLE, now=NOON)
    assert not OperationalAlert.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        for _n in range(3):
            troubles_tell(tenant_id=in_tenant.pk, troubles=TROUBLE, now=NOON)
    assert OperationalAlert.objects.get().times == 1


def test_a_shadow_that_fails_changes_nothing_for_the_payment(
    in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = small_scorer(in_tenant)
    in_force(in_tenant, None, shadows=[trial.number])
    monkeypatch.setattr(Scorer, "probabilities", lambda _self, rows: [])
    decision = decided(in_tenant)
    assert not decision.degraded
    assert not ShadowScore.objects.exists()


def test_a_slow_scorer_is_left_alone_after_a_few_slow_answers_and_asked_again_later() -> None:
    clock = [0.0]
    scorer = Scorer(small_trained().artefact)
    rows, _truth = small_rows(1)
    guard = ScorerGuard(clock=lambda: clock[0])
    slow = Loaded(1, "1:slow", scorer)
    real = scorer.probabilities

    def late(asked: Any) -> list[float]:
        clock[0] += 0.2
        return real(asked)

    scorer.probabilities = late  # type: ignore[method-assign]
    answers = [guard.ask(1, slow, rows) for _n in range(SLOW_IN_A_ROW)]
    assert [answer.probabilities is not None for answer in answers] == [True] * SLOW_IN_A_ROW  # it is there: it counts
    assert [answer.trouble for answer in answers] == [*[""] * (SLOW_IN_A_ROW - 1), "scorer_slow"]
    assert guard.ask(1, slow, rows).probabilities is None
    clock[0] += PAUSE_SECONDS
    assert guard.ask(1, slow, rows).probabilities is not None


def test_one_slow_answer_among_quick_ones_is_forgiven() -> None:
    clock = [0.0]
    scorer = Scorer(small_trained().artefact)
    rows, _truth = small_rows(1)
    guard = ScorerGuard(clock=lambda: clock[0])
    loaded = Loaded(1, "1:x", scorer)
    real, turns = scorer.probabilities, iter([0.2, 0.2, 0.0] * 4)

    def sometimes(asked: Any) -> list[float]:
        clock[0] += next(turns)
        return real(asked)

    scorer.probabilities = sometimes  # type: ignore[method-assign]
    assert [guard.ask(1, loaded, rows).trouble for _n in range(12)] == [""] * 12


# --- it could not be loaded, and can be again -------------------------------------------------------------------------
def failing_loads(monkeypatch: pytest.MonkeyPatch, number: int, error: Exception, times: int) -> list[int]:
    """The numbers that were asked for; the first so many loads of one of them fail."""
    real, asked = memory_module._load, list[int]()

    def load(tenant_id: int, wanted: int, index: Any) -> Loaded:
        asked.append(wanted)
        if wanted == number and asked.count(number) <= times:
            raise error
        return real(tenant_id, wanted, index)

    monkeypatch.setattr(memory_module, "_load", load)
    return asked


def test_a_champion_that_could_not_be_loaded_is_tried_again_and_decides(
    in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = small_scorer(in_tenant)
    in_force(in_tenant, scorer)
    asked, clock = failing_loads(monkeypatch, scorer.number, MemoryError(), 2), [0.0]
    memory = ScorerMemory(clock=lambda: clock[0])
    assert memory.current(in_tenant.pk).failure == "MemoryError"
    clock[0] = AGAIN - 0.1
    assert memory.current(in_tenant.pk).failure == "MemoryError"
    assert asked == [scorer.number]  # not with each payment
    clock[0] += AGAIN
    assert memory.current(in_tenant.pk).failure == "MemoryError"
    clock[0] += AGAIN
    found = memory.current(in_tenant.pk)
    assert found.champion is not None and (found.champion.version, found.failure) == (scorer.version, "")


def test_a_scorer_on_trial_that_could_not_be_loaded_comes_back(
    in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion, trial = small_scorer(in_tenant), small_scorer(in_tenant, trained=small_trained(seed=8))
    in_force(in_tenant, champion, shadows=[trial.number])
    asked, clock = failing_loads(monkeypatch, trial.number, OSError(), 1), [0.0]
    memory = ScorerMemory(clock=lambda: clock[0])
    first = memory.current(in_tenant.pk)
    assert first.champion is not None and not first.shadows
    clock[0] = AGAIN
    assert [one.version for one in memory.current(in_tenant.pk).shadows] == [trial.version]
    assert asked.count(champion.number) == 1  # what is loaded is not loaded again


@pytest.mark.parametrize("error", [ArtefactRefused(), ScorerMismatch(differences="hour")])
def test_a_damaged_or_foreign_scorer_is_not_tried_again(
    in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    scorer = small_scorer(in_tenant)
    in_force(in_tenant, scorer)
    asked, clock = failing_loads(monkeypatch, scorer.number, error, 9), [0.0]
    memory = ScorerMemory(clock=lambda: clock[0])
    memory.current(in_tenant.pk)
    clock[0] = 10 * AGAIN
    assert memory.current(in_tenant.pk).failure
    assert asked == [scorer.number]
