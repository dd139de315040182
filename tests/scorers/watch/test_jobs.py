"""What runs by itself and by command: every tenant's yesterday, trainings that are due, and gauges for a scraper."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from prometheus_client import CollectorRegistry, generate_latest

from apps.compliance.models import Tenant, User
from apps.fraud.models import ActiveScorer, Scorer, ScorerWatch
from apps.fraud.selectors import watch_metrics
from apps.fraud.selectors.watch_metrics import WatchCollector
from apps.fraud.services import retraining, watch_jobs
from apps.fraud.services.operational_alerts import operational_alert_raise
from apps.fraud.services.watch_jobs import retrain_asked, retrain_everyone_due, watch_everyone, yesterday_of
from apps.fraud.tasks_watch import retrain_scorer
from kivendtout.lib.clock import now
from kivendtout.lib.errors import NotAllowed
from kivendtout.lib.tenancy import tenant_scope
from tests.conftest import make_person
from tests.scorers.small import NOON, small_rows, small_trained
from tests.scorers.watch.days import DAY, MORNING, champion, decided

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.fraud.services.scorer_watch.page_made", lambda *_given: None)
    monkeypatch.setattr(retraining, "_train", lambda _tenant, _now: small_trained(seed=8))


def said(command: str, *given: str) -> Any:
    out = StringIO()
    call_command(command, *given, "--json", stdout=out)
    return json.loads(out.getvalue())


def told(command: str, *given: str) -> str:
    out = StringIO()
    call_command(command, *given, stdout=out)
    return out.getvalue()


# --- jobs -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("zone", "days"), [("Europe/Paris", 0), ("Pacific/Kiritimati", 1), ("Pacific/Niue", 0)])
def test_yesterday_is_over_wherever_the_tenant_is(tenant: Tenant, zone: str, days: int) -> None:
    tenant.time_zone = zone
    assert yesterday_of(tenant, datetime(2025, 12, 9, 11, 0, tzinfo=UTC)) == DAY + timedelta(days=days)


def test_every_tenants_scorers_are_watched(in_tenant: Tenant, neighbour: Tenant) -> None:
    champion(in_tenant)
    with tenant_scope(neighbour.pk):
        champion(neighbour)
    assert watch_everyone(now=MORNING) == 2
    for one in (in_tenant, neighbour):
        with tenant_scope(one.pk):
            assert ScorerWatch.objects.get().day == DAY


def test_one_tenants_trouble_is_not_anothers(
    in_tenant: Tenant, neighbour: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_scope(neighbour.pk):
        champion(neighbour)
    watch = watch_jobs.scorers_watch

    def troubled(*, tenant_id: int, **given: Any) -> Any:
        if tenant_id == in_tenant.pk:
            raise RuntimeError("no")
        return watch(tenant_id=tenant_id, **given)

    monkeypatch.setattr(watch_jobs, "scorers_watch", troubled)
    assert watch_everyone(now=MORNING) == 1


def test_a_champion_that_drifts_gets_a_candidate_the_same_morning_and_one_only(in_tenant: Tenant) -> None:
    scorer = champion(in_tenant)
    rows, truth = small_rows(520, seed=31)
    for n in (0, 1):
        decided(in_tenant, DAY + timedelta(days=n), rows, by=scorer, truth=[*truth[200:], *truth[:200]])
        watch_everyone(now=MORNING + timedelta(days=n))
    assert list(Scorer.objects.order_by("number").values_list("stage", "note")) == [
        ("champion", ""), ("candidate", "Trained because payments changed."),
    ]  # fmt: skip


def test_trainings_that_are_due_are_made(in_tenant: Tenant, neighbour: Tenant) -> None:
    champion(in_tenant)
    assert retrain_everyone_due(now=NOON + timedelta(days=8)) == 1
    assert retrain_everyone_due(now=NOON + timedelta(days=8, hours=1)) == 0
    with tenant_scope(neighbour.pk):
        assert not Scorer.objects.exists()


def test_the_button_trains_for_whoever_pressed_it_and_may(in_tenant: Tenant, outsider: User) -> None:
    analyst = make_person(in_tenant, "analyst")
    assert retrain_asked(tenant_id=in_tenant.pk, actor_id=analyst.pk, why="asked", now=MORNING)
    assert Scorer.objects.get().made_by == analyst
    with pytest.raises(NotAllowed):
        retrain_asked(tenant_id=in_tenant.pk, actor_id=outsider.pk, why="asked", now=MORNING)


def test_the_job_takes_what_the_button_sends(in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, Any] = {}
    monkeypatch.setattr("celery.Celery.send_task", lambda _app, name, **given: sent.update(given["kwargs"], name=name))
    retraining.retrain_ask(tenant_id=in_tenant.pk, actor=make_person(in_tenant, "lead"))
    assert sent.pop("name") == retrain_scorer.name
    assert retrain_scorer(**sent) and Scorer.objects.get().stage == "candidate"


# --- commands ---------------------------------------------------------------------------------------------------------
def test_a_day_is_watched_by_command(in_tenant: Tenant, settings: Any) -> None:
    scorer = champion(in_tenant)
    rows, truth = small_rows(520, seed=31)
    decided(in_tenant, DAY, rows, by=scorer, truth=[*truth[200:], *truth[:200]], alerts=3)
    found = said("watch_scorers", "--tenant", in_tenant.slug, "--day", DAY.isoformat())
    [one] = found["scorers"]
    assert (found["day"], one["scorer"], one["payments"], one["alerts"]) == (DAY.isoformat(), 1, 520, 3)
    assert [out["kind"] for out in one["out"]] == ["decay"] and "has lost accuracy" in one["out"][0]["sentence"]
    assert "has lost accuracy" in told("watch_scorers", "--tenant", in_tenant.slug, "--day", DAY.isoformat())
    [alert] = said("operational_alerts", "--tenant", in_tenant.slug)["open"]
    assert (alert["kind"], alert["scorer"], alert["times"]) == ("decay", 1, 1)
    assert "decay: Scorer #1 has lost accuracy" in told("operational_alerts", "--tenant", in_tenant.slug)


def test_commands_say_when_there_is_nothing(in_tenant: Tenant) -> None:
    assert "nothing to watch" in told("watch_scorers", "--tenant", in_tenant.slug)
    assert "no operational alert is open" in told("operational_alerts", "--tenant", in_tenant.slug)


@pytest.mark.parametrize(("day", "sentence"), [("yesterday", "takes a day"), ("2999-01-01", "is not over yet")])
def test_a_day_that_cannot_be_watched_is_refused_with_a_sentence(in_tenant: Tenant, day: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("watch_scorers", "--tenant", in_tenant.slug, "--day", day)


# --- gauges -----------------------------------------------------------------------------------------------------------
def scraped(collector: WatchCollector) -> str:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode()


def test_a_scraper_reads_open_alerts_and_the_worst_psi(in_tenant: Tenant, neighbour: Tenant) -> None:
    for tenant, psi in ((in_tenant, 0.25), (neighbour, 0.05)):
        with tenant_scope(tenant.pk):
            scorer = champion(tenant)
            for days, value in ((0, psi), (1, 0.9)):  # an older day no longer counts
                ScorerWatch.objects.create(
                    scorer=scorer, day=DAY - timedelta(days=days), payments=1, alerts=0, findings={"out": []},
                    made_at=MORNING, score_psi=value,
                )  # fmt: skip
    operational_alert_raise(tenant_id=in_tenant.pk, kind="drift", scorer=None, facts={}, now=MORNING)
    shown = scraped(WatchCollector())
    assert 'kivendtout_operational_alerts_open{kind="drift"} 1.0' in shown
    assert 'kivendtout_operational_alerts_open{kind="decay"} 0.0' in shown
    assert "kivendtout_champion_score_psi 0.25" in shown and "kivendtout_champion_watch_age_seconds" in shown
    assert "tenant" not in shown


def age_of(shown: str) -> float:
    [line] = [one for one in shown.splitlines() if one.startswith("kivendtout_champion_watch_age_seconds ")]
    return float(line.split()[1])


def test_a_champion_that_was_never_watched_grows_old_from_the_day_it_decides(
    in_tenant: Tenant, neighbour: Tenant
) -> None:
    scorer, hour = champion(in_tenant), timedelta(hours=1)
    ActiveScorer.objects.update(version=2, changed_at=now() - 80 * hour)
    assert age_of(scraped(WatchCollector())) == pytest.approx(80 * 3600, abs=60)
    with tenant_scope(neighbour.pk):  # rules alone: there is nobody to watch
        ActiveScorer.objects.create(version=1, changed_at=now() - 900 * hour)
    assert age_of(scraped(WatchCollector())) == pytest.approx(80 * 3600, abs=60)
    watched = {"scorer": scorer, "day": DAY, "payments": 1, "alerts": 0, "findings": {"out": []}}
    ScorerWatch.objects.create(**watched, made_at=now() - hour)
    assert age_of(scraped(WatchCollector())) == pytest.approx(3600, abs=60)


def test_many_scrapers_ask_the_database_no_more_often_than_one(in_tenant: Tenant) -> None:
    clock = [0.0]
    collector = WatchCollector(clock=lambda: clock[0])
    assert 'kind="drift"} 0.0' in scraped(collector)
    operational_alert_raise(tenant_id=in_tenant.pk, kind="drift", scorer=None, facts={}, now=MORNING)
    clock[0] = 14.9
    assert 'kind="drift"} 0.0' in scraped(collector)
    clock[0] = 15.0
    assert 'kind="drift"} 1.0' in scraped(collector)


def test_without_postgresql_there_are_no_figures_rather_than_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def cursor(self) -> Any:
            raise OperationalError

    monkeypatch.setattr(watch_metrics, "connection", Away())
    assert "kivendtout" not in scraped(WatchCollector())
