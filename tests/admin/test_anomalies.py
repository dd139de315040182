"""Anomalies in the admin site: who sees which, what a page says, and what people may say of one."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.models import Anomaly, AnomalyDetector, FraudLabel
from apps.fraud.services.anomalies_review import AnomalyReviewRefused, NoteNeeded, anomaly_review
from kivendtout.lib.clock import now
from kivendtout.lib.errors import NotAllowed
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.anomalies import access_anomaly, database_anomaly, make_anomaly, payment_anomaly
from tests.admin.conftest import ClientOf
from tests.admin.pages import list_url, object_url
from tests.admin.world import WHEN, World

ANSWERABLE = ("administrator", "compliance_officer")
PEERS = ("analyst", "lead", "read_only")
NOTE = {"note": "A gift for a colleague; the customer rang us."}


@pytest.fixture
def three(world: World, cast: dict[str, User]) -> list[Anomaly]:
    return [payment_anomaly(world), access_anomaly(world, cast["analyst"].pk), database_anomaly(world)]


def review_url(anomaly: Anomaly, step: str) -> str:
    return reverse("admin:fraud_anomaly_review", args=[anomaly.pk, step])


def read(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def status_of(anomaly: Anomaly) -> str:
    with tenant_scope(anomaly.tenant_id):
        return Anomaly.objects.get(pk=anomaly.pk).status


# --- who sees which ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ANSWERABLE)
def test_who_answers_for_access_sees_all_kinds(role: str, three: list[Anomaly], client_of: ClientOf) -> None:
    listing = read(client_of(role), list_url(Anomaly))
    assert all(object_url(one) in listing for one in three)
    assert all(client_of(role).get(object_url(one)).status_code == 200 for one in three)


@pytest.mark.parametrize("role", PEERS)
def test_peers_see_odd_payments_only(role: str, three: list[Anomaly], client_of: ClientOf) -> None:
    client, (payment, *activity) = client_of(role), three
    listing = read(client, list_url(Anomaly))
    assert object_url(payment) in listing
    for one in activity:
        assert object_url(one) not in listing
        assert client.get(object_url(one)).status_code == 302  # as if there were none
        assert client.post(review_url(one, "dismissed"), NOTE).status_code == 404
    assert client.get(f"{list_url(Anomaly)}?kind=access").content.decode().count("user ") == 0


def test_the_outsider_sees_and_judges_nothing(three: list[Anomaly], client_of: ClientOf) -> None:
    client = client_of("outsider")
    assert object_url(three[0]) not in read(client, list_url(Anomaly))
    assert client.post(review_url(three[0], "dismissed"), NOTE).status_code == 404
    assert status_of(three[0]) == "open"


# --- what a page says -------------------------------------------------------------------------------------------------
def test_a_page_says_in_words_what_made_the_payment_odd(three: list[Anomaly], client_of: ClientOf) -> None:
    page = read(client_of("analyst"), object_url(three[0]))
    for words in ("Amount in euros", "4,950", "8.74 to 122.58", "no other", "FR, BE, DE", "0.04 %", "less than 0.01 %"):
        assert words in page, words
    assert "Odder than 99.97 % of the 50,000 it was compared with" in page
    assert "PAY0000042" in page
    assert "C00042" in page


def test_a_french_reader_reads_french(three: list[Anomaly], client_of: ClientOf) -> None:
    client = client_of("analyst")
    client.cookies["django_language"] = "fr"
    page = read(client, object_url(three[0]))
    assert "Montant en euros" in page
    assert "d&#x27;ordinaire 8,74 à 122,58" in page


def test_a_colleague_is_named_to_those_who_may_see_accounts(
    three: list[Anomaly], cast: dict[str, User], client_of: ClientOf
) -> None:
    assert cast["analyst"].email in read(client_of("administrator"), object_url(three[1]))


def test_the_payments_page_shows_its_anomaly(three: list[Anomaly], world: World, client_of: ClientOf) -> None:
    assert object_url(three[0]) in read(client_of("analyst"), object_url(world.payment))


@pytest.mark.parametrize("term", ["C00042", "PAY0000042"])
def test_a_payments_anomaly_is_found_by_whose_it_is(term: str, three: list[Anomaly], client_of: ClientOf) -> None:
    listing = read(client_of("administrator"), f"{list_url(Anomaly)}?q={term}")
    assert object_url(three[0]) in listing
    assert object_url(three[2]) not in listing


def test_a_roles_anomaly_is_found_by_its_name(three: list[Anomaly], client_of: ClientOf) -> None:
    listing = read(client_of("administrator"), f"{list_url(Anomaly)}?q=reporting")
    assert object_url(three[2]) in listing
    assert object_url(three[0]) not in listing


# --- judging ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("step", ["dismissed", "confirmed"])
def test_an_analyst_judges_an_odd_payment_with_a_note(
    step: str, three: list[Anomaly], cast: dict[str, User], client_of: ClientOf
) -> None:
    answer = client_of("analyst").post(review_url(three[0], step), NOTE)
    assert answer["location"] == object_url(three[0])
    with tenant_scope(three[0].tenant_id):
        one = Anomaly.objects.get(pk=three[0].pk)
        assert (one.status, one.note, one.reviewed_by) == (step, NOTE["note"], cast["analyst"])
        assert one.reviewed_at is not None
        assert FraudLabel.objects.count() == 1  # the world's own: nothing follows
    entry = AuditEntry.objects.filter(object_pk=str(one.pk), content_type__model="anomaly").latest("timestamp")
    assert entry.actor == cast["analyst"]
    assert entry.changes["status"] == ["open", step]


def test_a_judgement_needs_a_note_and_looking_does_not(three: list[Anomaly], client_of: ClientOf) -> None:
    client = client_of("analyst")
    assert client.post(review_url(three[0], "confirmed"), {"note": " "}).status_code == 200
    assert status_of(three[0]) == "open"
    assert client.post(review_url(three[0], "looked_at")).status_code == 302
    assert status_of(three[0]) == "looked_at"


@pytest.mark.parametrize("role", ["read_only", "administrator", "compliance_officer"])
def test_who_judges_no_payments_judges_no_odd_ones(role: str, three: list[Anomaly], client_of: ClientOf) -> None:
    assert client_of(role).post(review_url(three[0], "dismissed"), NOTE).status_code == 403
    assert review_url(three[0], "dismissed") not in read(client_of(role), object_url(three[0]))


def test_nobody_judges_what_they_are_said_to_have_done(
    world: World, cast: dict[str, User], client_of: ClientOf
) -> None:
    own = access_anomaly(world, cast["administrator"].pk)
    assert client_of("administrator").post(review_url(own, "dismissed"), NOTE).status_code == 403
    assert client_of("compliance_officer").post(review_url(own, "confirmed"), NOTE).status_code == 302
    assert status_of(own) == "confirmed"


def test_of_two_people_who_judge_at_once_one_is_told(world: World, cast: dict[str, User]) -> None:
    one = payment_anomaly(world)
    with tenant_scope(one.tenant_id):
        seen = Anomaly.objects.get(pk=one.pk)
        same = Anomaly.objects.get(pk=one.pk)
    anomaly_review(anomaly=seen, status="dismissed", note="Harmless.", actor=cast["analyst"], now=now())
    with pytest.raises(AnomalyReviewRefused):
        anomaly_review(anomaly=same, status="confirmed", note="A fraud.", actor=cast["lead"], now=now())
    with pytest.raises(AnomalyReviewRefused):
        anomaly_review(anomaly=seen, status="open", note="", actor=cast["lead"], now=now())


def test_the_service_asks_for_rights_and_a_note_itself(
    world: World, cast: dict[str, User], neighbour: Tenant, outsider: User
) -> None:
    one = payment_anomaly(world)
    for person in (cast["read_only"], outsider):
        with pytest.raises(NotAllowed):
            anomaly_review(anomaly=one, status="dismissed", note="Harmless.", actor=person, now=now())
    with pytest.raises(NoteNeeded):
        anomaly_review(anomaly=one, status="dismissed", note=" ", actor=cast["lead"], now=now())


def test_an_odd_address_is_a_404(three: list[Anomaly], client_of: ClientOf) -> None:
    assert client_of("analyst").get(review_url(three[0], "open")).status_code == 404
    assert client_of("analyst").get("/admin/fraud/anomaly/9999999/review/dismissed/").status_code == 404


# --- detectors --------------------------------------------------------------------------------------------------------
@pytest.fixture
def detectors(world: World) -> dict[str, AnomalyDetector]:
    with tenant_scope(world.tenant.pk):
        return {kind: AnomalyDetector.objects.create(kind=kind, daily_budget=20) for kind in ("payment", "access")}


def budget_url(detector: AnomalyDetector) -> str:
    return reverse("admin:fraud_anomalydetector_budget", args=[detector.pk])


def budget_of(detector: AnomalyDetector) -> int:
    with tenant_scope(detector.tenant_id):
        return AnomalyDetector.objects.get(pk=detector.pk).daily_budget


def test_a_lead_sets_how_many_odd_payments_a_day_and_it_is_on_record(
    detectors: dict[str, AnomalyDetector], client_of: ClientOf
) -> None:
    client = client_of("lead")
    assert budget_url(detectors["payment"]) in read(client, object_url(detectors["payment"]))
    assert client.post(budget_url(detectors["payment"]), {"daily_budget": 7}).status_code == 302
    assert budget_of(detectors["payment"]) == 7
    entry = AuditEntry.objects.filter(content_type__model="anomalydetector").latest("timestamp")
    assert entry.changes["daily_budget"] == [20, 7]


def test_a_lead_cannot_silence_what_looks_at_leads(detectors: dict[str, AnomalyDetector], client_of: ClientOf) -> None:
    assert client_of("lead").post(budget_url(detectors["access"]), {"daily_budget": 0}).status_code == 404
    assert client_of("administrator").post(budget_url(detectors["access"]), {"daily_budget": 3}).status_code == 302
    assert budget_of(detectors["access"]) == 3


@pytest.mark.parametrize("wrong", ["-1", "1001", "many", ""])
def test_a_budget_is_a_sensible_number(wrong: str, detectors: dict[str, AnomalyDetector], client_of: ClientOf) -> None:
    assert client_of("lead").post(budget_url(detectors["payment"]), {"daily_budget": wrong}).status_code == 200
    assert budget_of(detectors["payment"]) == 20


def test_the_database_refuses_a_payments_anomaly_without_its_payment(world: World) -> None:
    with pytest.raises(IntegrityError, match="anomaly_names_its_payment"), transaction.atomic():
        make_anomaly(world.tenant, kind="payment", actor="C1", at=WHEN)
