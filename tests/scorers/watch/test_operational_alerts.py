"""Somebody is told, once for as long as it lasts, and whoever handles it says so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils.translation import override

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.models import OperationalAlert
from apps.fraud.services.operational_alert_texts import SENTENCES, operational_alert_sentence
from apps.fraud.services.operational_alerts import (
    OperationalAlertHandled,
    operational_alert_handle,
    operational_alert_raise,
)
from kivendtout.lib.errors import NotAllowed
from kivendtout.lib.tenancy import tenant_scope
from tests.conftest import make_person
from tests.scorers.small import small_scorer

NOON = datetime(2025, 12, 1, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
pytestmark = pytest.mark.django_db


def raised(tenant: Tenant, kind: str = "scorer_failed", *, now: datetime = NOON, **facts: object) -> OperationalAlert:
    number = operational_alert_raise(tenant_id=tenant.pk, kind=kind, scorer=None, facts=facts, now=now)
    with tenant_scope(tenant.pk):
        return OperationalAlert.objects.get(pk=number)


@pytest.fixture
def lead(in_tenant: Tenant) -> User:
    return make_person(in_tenant, "lead")


def test_what_lasts_is_one_alert_that_counts(in_tenant: Tenant) -> None:
    first = raised(in_tenant, detail="ValueError")
    again = raised(in_tenant, now=LATER, detail="KeyError")
    assert (again.pk, again.times, again.raised_at, again.last_at) == (first.pk, 2, NOON, LATER)
    assert again.facts == {"detail": "KeyError"}


def test_a_repeat_that_knows_less_takes_nothing_away(in_tenant: Tenant) -> None:
    raised(in_tenant, detail="ValueError")
    assert raised(in_tenant, now=LATER, detail="").facts == {"detail": "ValueError"}


def test_a_message_from_the_past_does_not_set_the_clock_back(in_tenant: Tenant) -> None:
    raised(in_tenant, now=LATER)
    assert raised(in_tenant, now=NOON).last_at == LATER


def test_each_kind_and_each_scorer_has_its_own(in_tenant: Tenant) -> None:
    scorer = small_scorer(in_tenant)
    raised(in_tenant)
    raised(in_tenant, "volume")
    for one in (scorer, scorer.pk):
        operational_alert_raise(tenant_id=in_tenant.pk, kind="volume", scorer=one, facts={}, now=NOON)
    assert sorted(OperationalAlert.objects.values_list("kind", "scorer_id", "times"), key=str) == sorted(
        [("scorer_failed", None, 1), ("volume", None, 1), ("volume", scorer.pk, 2)], key=str
    )


def test_what_is_handled_is_raised_anew_when_it_happens_again(in_tenant: Tenant, lead: User) -> None:
    first = raised(in_tenant)
    operational_alert_handle(alert=first, actor=lead, now=LATER, note="  went back  ")
    first.refresh_from_db()
    assert (first.status, first.handled_by, first.handled_at, first.note) == ("handled", lead, LATER, "went back")
    second = raised(in_tenant)
    assert second.pk != first.pk and second.status == "open"


def test_of_two_people_one_handles_it(in_tenant: Tenant, lead: User) -> None:
    alert = raised(in_tenant)
    stale = OperationalAlert.objects.get(pk=alert.pk)
    operational_alert_handle(alert=alert, actor=lead, now=LATER, note="done")
    with pytest.raises(OperationalAlertHandled):
        operational_alert_handle(alert=stale, actor=make_person(in_tenant, "administrator"), now=LATER)
    alert.refresh_from_db()
    assert alert.handled_by == lead


def test_it_is_in_the_audit_trail(in_tenant: Tenant, lead: User) -> None:
    alert = raised(in_tenant, detail="ValueError")
    operational_alert_handle(alert=alert, actor=lead, now=LATER, note="went back")
    entry = AuditEntry.objects.get(content_type__model="operationalalert", object_pk=str(alert.pk))
    assert entry.actor == lead and entry.changes["status"] == ["open", "handled"]
    assert "(ValueError)" in entry.changes["sentence"][1]


def test_who_may_not_handle_it_cannot(in_tenant: Tenant, neighbour: Tenant) -> None:
    alert = raised(in_tenant)
    for person in (make_person(in_tenant, "analyst"), make_person(neighbour, "lead")):
        with pytest.raises(NotAllowed):
            operational_alert_handle(alert=alert, actor=person, now=LATER)
    assert OperationalAlert.objects.get().status == "open"


@pytest.mark.parametrize(("kind", "facts"), [("a kind too long for its column", {}), ("drift", {"detail": object()})])
def test_an_alert_that_cannot_be_written_stops_nobody(in_tenant: Tenant, kind: str, facts: dict[str, object]) -> None:
    assert operational_alert_raise(tenant_id=in_tenant.pk, kind=kind, scorer=None, facts=facts, now=NOON) is None
    assert raised(in_tenant, "volume").pk  # the transaction around it goes on


FACTS = {
    "detail": "ValueError", "day": date(2025, 11, 30).isoformat(), "score_psi": 0.3141, "limit": 0.2, "auc": 0.7512,
    "auc_training": 0.91, "auc_champion": 0.9, "labelled": 12345, "alerts": 1234, "usual": 400, "expected": 0.021,
    "seen": 0.0345, "number": 4, "reason": "There are too few payments.",
    "features": [{"name": "amount_eur", "psi": 0.52}, {"name": "hour", "psi": 0.31}],
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(SENTENCES))
@pytest.mark.parametrize("language", ["fr", "en"])
def test_each_kind_is_a_whole_sentence_in_both_languages(in_tenant: Tenant, kind: str, language: str) -> None:
    for facts in (FACTS, {}, {"day": "never", "features": "none", "auc": None}):
        alert = OperationalAlert(tenant=in_tenant, kind=kind, facts=facts, scorer=None)
        with override(language):
            told = operational_alert_sentence(alert)
        assert told.endswith(".") or told.endswith("–")
        assert "%(" not in told and "None" not in told


def test_the_figures_are_written_as_the_language_writes_them(in_tenant: Tenant) -> None:
    alert = OperationalAlert(tenant=in_tenant, kind="drift", facts=FACTS, scorer=small_scorer(in_tenant))
    with override("en"):
        assert "PSI of the score 0.31, limit 0.20" in operational_alert_sentence(alert)
        assert "amount_eur (0.52), hour (0.31)" in operational_alert_sentence(alert)
        assert "scorer #1 " in operational_alert_sentence(alert)
    with override("fr"):
        assert "0,31" in operational_alert_sentence(alert) and "30 novembre 2025" in operational_alert_sentence(alert)


def test_every_kind_has_its_sentence() -> None:
    assert set(SENTENCES) == set(OperationalAlert.Kind.values)
