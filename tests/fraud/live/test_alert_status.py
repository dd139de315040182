"""An alert's review: who may move it, where to, and who hears of it. The chain from payment to label runs here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import transaction
from django.test import Client

from apps.compliance.models import AuditEntry, Tenant, User
from apps.fraud.models import AlertChange, Decision, FraudAlert, FraudLabel, Outbox
from apps.fraud.services.alert_status import AlertStatusRefused, alert_status_set
from apps.fraud.services.scoring import payments_decide
from kivendtout.lib.errors import NotAllowed
from kivendtout.lib.tenancy import tenant_scope
from tests.conftest import NOON, make_person
from tests.factories import make_customer
from tests.fraud.live.cast import make_alert
from tests.fraud.replay.conftest import engine_now, publish
from tests.fraud.scoring.events import an_event

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=2)
CHALLENGED = ("amount_eur > 100", 40)


def decided(tenant: Tenant) -> FraudAlert:
    """The alert of a payment that was challenged."""
    publish(tenant, CHALLENGED)
    event = an_event(make_customer(tenant), amount="150.00")
    payments_decide(
        tenant_id=tenant.pk, events=[event], source="test", now=NOON + timedelta(hours=1), engine=engine_now(tenant)
    )
    found: FraudAlert = FraudAlert.objects.get()
    return found


def messages(topic: str) -> list[tuple[str, dict[str, Any]]]:
    rows = Outbox.objects.filter(topic=topic).order_by("pk")
    packed = [one for row in rows for one in msgspec.msgpack.decode(bytes(row.messages))]
    return [(key, msgspec.json.decode(value)) for key, value, _trace in packed]


def test_a_payment_becomes_a_decision_an_alert_a_disposition_and_a_label(in_tenant: Tenant, analyst: User) -> None:
    alert = decided(in_tenant)
    decision = Decision.objects.get()
    alert_status_set(alert=alert, status="INVESTIGATING", actor=analyst, now=LATER)
    alert_status_set(alert=alert, status="BLOCKED", actor=analyst, now=LATER)
    alert.refresh_from_db()
    label = FraudLabel.objects.get()
    assert alert.status == "BLOCKED"
    assert (label.payment_id, label.is_fraud, label.source, label.known_at) == (decision.pk, True, "analyst", LATER)
    changes = AlertChange.objects.order_by("pk").values_list("alert_id", "change")
    assert list(changes) == [(alert.pk, "raised"), (alert.pk, "status"), (alert.pk, "status")]
    told = [(event["change"], event["status"]) for _key, event in messages("fraud-alerts")]
    assert told == [("raised", "PENDING_REVIEW"), ("status", "INVESTIGATING"), ("status", "BLOCKED")]
    [(key, verdict)] = messages("labels")
    assert (verdict["is_fraud"], verdict["source"], verdict["payment_id"]) == (
        True,
        "analyst",
        alert.payment.external_id,
    )
    assert key == verdict["customer_id"]


def test_the_topic_hears_of_a_change_all_that_it_heard_of_the_alert(in_tenant: Tenant, analyst: User) -> None:
    alert = decided(in_tenant)
    alert_status_set(alert=alert, status="INVESTIGATING", actor=analyst, now=LATER)
    (first_key, raised), (second_key, moved) = messages("fraud-alerts")
    assert first_key == second_key
    assert moved | {"change": "raised", "changed_at": raised["changed_at"], "status": "PENDING_REVIEW"} == raised


def test_an_approved_payment_is_labelled_genuine(in_tenant: Tenant, analyst: User) -> None:
    alert = make_alert(in_tenant, status="INVESTIGATING")
    alert_status_set(alert=alert, status="APPROVED", actor=analyst, now=LATER)
    assert FraudLabel.objects.get().is_fraud is False


def test_an_alert_without_a_decision_is_told_without_one(in_tenant: Tenant, analyst: User) -> None:
    alert = make_alert(in_tenant)
    alert_status_set(alert=alert, status="INVESTIGATING", actor=analyst, now=LATER)
    [(_key, event)] = messages("fraud-alerts")
    assert (event["decision"], event["decision_id"], event["alert_id"]) == (None, None, alert.external_id)


def test_a_payment_of_a_clock_that_runs_ahead_can_be_judged(in_tenant: Tenant, analyst: User) -> None:
    alert = make_alert(in_tenant, status="INVESTIGATING")
    alert_status_set(alert=alert, status="BLOCKED", actor=analyst, now=NOON - timedelta(minutes=3))
    assert FraudLabel.objects.get().known_at == NOON


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("PENDING_REVIEW", "APPROVED"), ("PENDING_REVIEW", "BLOCKED"), ("PENDING_REVIEW", "PENDING_REVIEW"),
        ("INVESTIGATING", "PENDING_REVIEW"), ("INVESTIGATING", "INVESTIGATING"), ("APPROVED", "BLOCKED"),
        ("APPROVED", "INVESTIGATING"), ("BLOCKED", "APPROVED"), ("PENDING_REVIEW", "nonsense"),
    ],
)  # fmt: skip
def test_no_step_is_left_out_or_taken_back(in_tenant: Tenant, analyst: User, before: str, after: str) -> None:
    alert = make_alert(in_tenant, status=before)
    with pytest.raises(AlertStatusRefused):
        alert_status_set(alert=alert, status=after, actor=analyst, now=LATER)
    alert.refresh_from_db()
    assert alert.status == before
    assert not Outbox.objects.exists()
    assert not AlertChange.objects.exists()


def test_of_two_people_who_take_the_same_step_one_does(in_tenant: Tenant, analyst: User) -> None:
    mine = make_alert(in_tenant)
    theirs = FraudAlert.objects.get(pk=mine.pk)
    alert_status_set(alert=mine, status="INVESTIGATING", actor=analyst, now=LATER)
    with pytest.raises(AlertStatusRefused, match="has changed since you read it"):
        alert_status_set(alert=theirs, status="INVESTIGATING", actor=make_person(in_tenant, "lead"), now=LATER)
    assert AlertChange.objects.count() == 1


def test_what_is_rolled_back_was_never_told(in_tenant: Tenant, analyst: User) -> None:
    alert = make_alert(in_tenant)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        alert_status_set(alert=alert, status="INVESTIGATING", actor=analyst, now=LATER)
        raise ZeroDivisionError
    assert not AlertChange.objects.exists()
    assert not Outbox.objects.exists()


@pytest.mark.parametrize("role", ["administrator", "developer", "read_only", "compliance_officer", "partner"])
def test_roles_that_do_not_judge_are_refused(in_tenant: Tenant, role: str) -> None:
    alert = make_alert(in_tenant)
    with pytest.raises(NotAllowed):
        alert_status_set(alert=alert, status="INVESTIGATING", actor=make_person(in_tenant, role), now=LATER)


def test_an_outsider_is_refused(in_tenant: Tenant, outsider: User) -> None:
    with pytest.raises(NotAllowed):
        alert_status_set(alert=make_alert(in_tenant), status="INVESTIGATING", actor=outsider, now=LATER)


def test_the_audit_trail_says_who_moved_it(in_tenant: Tenant, analyst: User) -> None:
    alert = make_alert(in_tenant)
    alert_status_set(alert=alert, status="INVESTIGATING", actor=analyst, now=LATER)
    entry = AuditEntry.objects.filter(object_pk=str(alert.pk), content_type__model="fraudalert").latest("pk")
    assert (entry.actor, entry.tenant_id) == (analyst, in_tenant.pk)
    assert entry.changes == {"status": ["PENDING_REVIEW", "INVESTIGATING"]}


class TestAdmin:
    def test_its_page_offers_the_steps_that_can_follow(self, in_tenant: Tenant, analyst: User, client: Client) -> None:
        client.force_login(analyst)
        for status, steps in (
            ("PENDING_REVIEW", {"investigating"}), ("INVESTIGATING", {"approved", "blocked"}), ("BLOCKED", set()),
        ):  # fmt: skip
            alert = make_alert(in_tenant, status=status)
            html = client.get(f"/admin/fraud/fraudalert/{alert.pk}/change/").content.decode()
            offered = {one for one in ("investigating", "approved", "blocked") if f"/{alert.pk}/status/{one}/" in html}
            assert offered == steps

    def test_a_step_is_asked_first_and_taken_then(self, in_tenant: Tenant, analyst: User, client: Client) -> None:
        alert = make_alert(in_tenant)
        client.force_login(analyst)
        page = f"/admin/fraud/fraudalert/{alert.pk}/status/investigating/"
        assert client.get(page).status_code == 200
        alert.refresh_from_db()
        assert alert.status == "PENDING_REVIEW"
        assert client.post(page).status_code == 302
        alert.refresh_from_db()
        assert alert.status == "INVESTIGATING"

    def test_a_step_that_cannot_follow_is_refused_with_a_sentence(
        self, in_tenant: Tenant, analyst: User, client: Client
    ) -> None:
        alert = make_alert(in_tenant, status="APPROVED")
        client.force_login(analyst)
        answer = client.post(f"/admin/fraud/fraudalert/{alert.pk}/status/blocked/", headers={"accept-language": "en"})
        assert "the verdict stands" in answer.content.decode()

    def test_several_are_taken_in_hand_at_once(self, in_tenant: Tenant, analyst: User, client: Client) -> None:
        waiting, judged = make_alert(in_tenant), make_alert(in_tenant, status="BLOCKED")
        client.force_login(analyst)
        chosen = {"action": "investigate", "_selected_action": [waiting.pk, judged.pk]}
        assert client.post("/admin/fraud/fraudalert/", chosen).status_code == 302
        waiting.refresh_from_db()
        judged.refresh_from_db()
        assert (waiting.status, judged.status) == ("INVESTIGATING", "BLOCKED")

    @pytest.mark.parametrize("role", ["read_only", "compliance_officer", "administrator"])
    def test_who_only_looks_is_offered_nothing_and_refused(self, in_tenant: Tenant, role: str, client: Client) -> None:
        alert = make_alert(in_tenant)
        client.force_login(make_person(in_tenant, role))
        page = f"/admin/fraud/fraudalert/{alert.pk}/status/investigating/"
        assert page not in client.get(f"/admin/fraud/fraudalert/{alert.pk}/change/").content.decode()
        assert client.post(page).status_code == 403
        chosen = {"action": "investigate", "_selected_action": [alert.pk]}
        client.post("/admin/fraud/fraudalert/", chosen)
        alert.refresh_from_db()
        assert alert.status == "PENDING_REVIEW"

    def test_the_outsider_finds_no_such_alert(self, in_tenant: Tenant, outsider: User, client: Client) -> None:
        alert = make_alert(in_tenant)
        client.force_login(outsider)
        assert client.post(f"/admin/fraud/fraudalert/{alert.pk}/status/investigating/").status_code == 404
        with tenant_scope(in_tenant.pk):
            assert FraudAlert.objects.get().status == "PENDING_REVIEW"
