"""A new scorer is trained and proposed, by schedule, by drift or by hand; nothing promotes itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils.translation import override
from kombu.exceptions import OperationalError

from apps.compliance.models import Tenant
from apps.fraud.models import ActiveScorer, OperationalAlert, Scorer
from apps.fraud.scorers.trained import Trained
from apps.fraud.scorers.training.refusals import TooLittle
from apps.fraud.services import retraining
from apps.fraud.services.operational_alert_texts import operational_alert_sentence
from apps.fraud.services.operational_alerts import operational_alert_raise
from apps.fraud.services.retraining import (
    JobsAway,
    RetrainingRuns,
    retrain,
    retrain_ask,
    retraining_due,
    retraining_wanted,
)
from kivendtout.lib.errors import NotAllowed
from tests.conftest import make_person
from tests.scorers.small import NOON, small_rows, small_trained
from tests.scorers.watch.days import DAY, MORNING, champion, decided, watchable

pytestmark = pytest.mark.django_db


def better(_tenant: Tenant, _now: datetime) -> Trained:
    """Another one, whose held-out period is the day of these tests."""
    trained = small_trained(seed=8)
    test = {"from": f"{DAY}T00:00:00+00:00", "until": f"{DAY + timedelta(days=1)}T00:00:00+00:00"}
    return replace(trained, report={**trained.report, "periods": {"test": test}})


def too_little(_tenant: Tenant, _now: datetime) -> Trained:
    raise TooLittle(
        part="training", rows=12, frauds=1, rows_needed=1_000, frauds_needed=50, begins="2025-12-01", ends="2025-12-02"
    )


def broken(_tenant: Tenant, _now: datetime) -> Trained:
    raise MemoryError


def told(kind: str) -> OperationalAlert:
    return OperationalAlert.objects.get(kind=kind, status="open")


def run(tenant: Tenant, train: Any = better, **asked: Any) -> Scorer | None:
    given = {"tenant_id": tenant.pk, "why": "schedule", "actor": None, "now": MORNING, "train": train, **asked}
    return retrain(**given)


def test_it_proposes_a_candidate_and_changes_nothing_that_decides(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    before = ActiveScorer.objects.values().get()
    rows, truth = small_rows(400, seed=31)
    decided(in_tenant, DAY, rows, by=scorer, truth=truth)
    made = run(in_tenant)
    assert made is not None and (made.stage, made.number, made.note) == ("candidate", 2, "Trained on schedule.")
    assert ActiveScorer.objects.values().get() == before
    facts = told("retrained").facts
    assert (facts["number"], facts["champion"], facts["payments"], facts["frauds"]) == (2, 1, 400, sum(truth))
    assert facts["auc"] > 0.8 and facts["auc_champion"] > 0.8 and facts["auc"] != facts["auc_champion"]


def test_payments_that_the_champion_learned_from_are_no_contest(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant, data_until=datetime(2025, 12, 10, tzinfo=UTC))
    rows, truth = small_rows(400, seed=31)
    decided(in_tenant, DAY, rows, by=scorer, truth=truth)
    run(in_tenant)
    facts = told("retrained").facts
    assert "auc_champion" not in facts
    assert facts["auc"] == pytest.approx(better(in_tenant, MORNING).report["measures"]["auc"])


def test_without_a_champion_it_says_what_training_measured(in_tenant: Tenant) -> None:
    assert run(in_tenant, why="asked") is not None
    facts = told("retrained").facts
    assert facts["number"] == 1 and "champion" not in facts and facts["auc"] > 0.8


def test_a_newer_proposal_takes_the_place_of_the_older_one(in_tenant: Tenant) -> None:
    champion(in_tenant)
    run(in_tenant)
    run(in_tenant, train=lambda _tenant, _now: small_trained(seed=9))
    assert told("retrained").facts["number"] == 3
    assert OperationalAlert.objects.get(kind="retrained", status="handled").note == "#3"


def test_a_training_that_is_refused_says_so_in_the_readers_language(in_tenant: Tenant) -> None:
    champion(in_tenant)
    assert run(in_tenant, train=too_little) is None
    alert = told("training_failed")
    with override("en"):
        assert TooLittle(**alert.facts["details"]).message in operational_alert_sentence(alert)
    run(in_tenant)
    alert.refresh_from_db()
    assert alert.status == "handled"  # what came after it works


def test_a_training_that_breaks_says_so_and_gives_nothing_away(in_tenant: Tenant) -> None:
    champion(in_tenant)
    assert run(in_tenant, train=broken) is None
    with override("en"):
        assert "(MemoryError)" in operational_alert_sentence(told("training_failed"))
    assert Scorer.objects.count() == 1


def test_one_training_runs_at_a_time(in_tenant: Tenant) -> None:
    settings = connection.get_connection_params()
    with psycopg.connect(**{name: settings[name] for name in ("dbname", "user", "password", "host", "port")}) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('kvt_retraining'), %s::int)", [in_tenant.pk])
        with pytest.raises(RetrainingRuns):
            run(in_tenant)
        other.execute("SELECT pg_advisory_unlock(hashtext('kvt_retraining'), %s::int)", [in_tenant.pk])
    assert run(in_tenant) is not None
    assert run(in_tenant, train=lambda _tenant, _now: small_trained(seed=9)) is not None


def test_who_may_not_propose_may_not_have_one_trained(in_tenant: Tenant, outsider: Any) -> None:
    for person in (make_person(in_tenant, "read_only"), outsider):
        with pytest.raises(NotAllowed):
            run(in_tenant, actor=person)
        with pytest.raises(NotAllowed):
            retrain_ask(tenant_id=in_tenant.pk, actor=person)
    assert not Scorer.objects.exists()


def test_it_is_due_when_the_newest_scorer_is_a_week_old(in_tenant: Tenant, settings: Any) -> None:
    assert not retraining_due(tenant_id=in_tenant.pk, now=NOON + timedelta(days=30))  # nothing decides
    champion(in_tenant)  # made at NOON
    for days, due in ((6.9, False), (7.1, True)):
        assert retraining_due(tenant_id=in_tenant.pk, now=NOON + timedelta(days=days)) is due
    settings.RETRAIN_EVERY_DAYS = 30
    assert not retraining_due(tenant_id=in_tenant.pk, now=NOON + timedelta(days=8))
    settings.RETRAIN_EVERY_DAYS = 0
    assert not retraining_due(tenant_id=in_tenant.pk, now=NOON + timedelta(days=800))


def test_drift_of_the_champion_wants_one_once(in_tenant: Tenant, settings: Any) -> None:
    scorer = champion(in_tenant)

    def wanted() -> bool:
        return retraining_wanted(tenant_id=in_tenant.pk, day=DAY, now=MORNING)

    assert not wanted()
    given: dict[str, Any] = {"tenant_id": in_tenant.pk, "scorer": scorer, "facts": {"day": DAY.isoformat()}}
    operational_alert_raise(kind="volume", now=MORNING, **given)
    assert not wanted()
    operational_alert_raise(kind="drift", now=MORNING, **given)
    assert wanted()
    settings.RETRAIN_EVERY_DAYS = 0
    assert not wanted()
    del settings.RETRAIN_EVERY_DAYS
    operational_alert_raise(kind="drift", now=MORNING, **given)  # it lasts
    assert not wanted()


def test_drift_on_the_day_of_a_training_waits(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    operational_alert_raise(
        tenant_id=in_tenant.pk, scorer=scorer, kind="decay", facts={"day": DAY.isoformat()}, now=MORNING
    )
    assert not retraining_wanted(tenant_id=in_tenant.pk, day=DAY, now=NOON + timedelta(hours=23))
    assert retraining_wanted(tenant_id=in_tenant.pk, day=DAY, now=NOON + timedelta(hours=25))


def test_a_page_hands_it_to_the_jobs_worker(in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "celery.Celery.send_task", lambda _app, name, kwargs, queue, **_more: sent.append((name, kwargs, queue))
    )
    lead = make_person(in_tenant, "lead")
    retrain_ask(tenant_id=in_tenant.pk, actor=lead)
    assert sent == [(retraining.TASK, {"tenant_id": in_tenant.pk, "why": "asked", "actor_id": lead.pk}, "jobs")]


def test_without_redis_the_page_says_so(in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_given: Any, **_more: Any) -> None:
        raise OperationalError

    monkeypatch.setattr("celery.Celery.send_task", away)
    with pytest.raises(JobsAway):
        retrain_ask(tenant_id=in_tenant.pk, actor=make_person(in_tenant, "lead"))


def test_the_small_scorers_here_differ() -> None:
    assert watchable().artefact != small_trained(seed=8).artefact != small_trained(seed=9).artefact
