"""One payment's page, and moving its status from there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.compliance.models import User
from apps.payments.models import Payment, PaymentStateChange
from kivendtout.lib.documents import DocumentsUnavailable
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.conftest import ClientOf
from tests.admin.pages import audit_entry, object_url
from tests.admin.world import WHEN, World, make_payment


def status_of(world: World) -> str:
    with tenant_scope(world.tenant.pk):
        return Payment.objects.values_list("status_id", flat=True).get(pk=world.payment.pk)


def test_the_page_tells_the_whole_story(world: World, client_of: ClientOf) -> None:
    html = client_of("analyst").get(object_url(world.payment)).content.decode()
    for text in (
        "PAY0000042", "1,249.90", "Succeeded", "Recorded as: Pending", "Pending → Succeeded", "Tried to pay",
        "Captured by the provider", "Began checkout", "O0000042", "18+", "AL00042", "UNUSUAL_AMOUNT", "card_testing",
        "S000042", "payments_payment_2026_01",
    ):  # fmt: skip
        assert text in html, text
    assert html.index("Began checkout") < html.index("Tried to pay")


def test_the_audit_trail_stands_below_for_those_who_may_read_it(
    world: World, client_of: ClientOf, cast: dict[str, User]
) -> None:
    audit_entry(world, cast["lead"])
    assert "Audit trail" in client_of("compliance_officer").get(object_url(world.payment)).content.decode()
    assert "Audit trail" not in client_of("analyst").get(object_url(world.payment)).content.decode()


def test_a_payment_without_session_shows_what_is_near(world: World, client_of: ClientOf) -> None:
    with tenant_scope(world.tenant.pk):
        alone = make_payment(world, "PAY0000077")
        Payment.objects.filter(pk=alone.pk).update(session=None, device=None, merchant=None, billing_address=None)
    html = client_of("analyst").get(object_url(alone)).content.decode()
    assert "Customer&#x27;s events around the payment" in html
    assert "Began checkout" in html
    assert "No order names this payment." in html


def test_what_the_sender_told_of_basket_and_countries_is_shown(world: World, client_of: ClientOf) -> None:
    bare = client_of("analyst").get(object_url(world.payment)).content.decode()
    assert "Last cart event" not in bare
    with tenant_scope(world.tenant.pk):
        Payment.objects.filter(pk=world.payment.pk).update(
            ip_country="VN", billing_country="LU", cart_at=WHEN - timedelta(seconds=27), basket_size=13,
            adult_restricted=False,
        )  # fmt: skip
    html = client_of("analyst").get(object_url(world.payment)).content.decode()
    for text in ("Basket", "27 s", "13", "Address country", "VN", "Billing country", "LU", "Adults only"):
        assert text in html, text


def test_the_page_lives_without_the_document_store(
    world: World, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Down:
        def find(self, *_args: Any, **_options: Any) -> Any:
            raise DocumentsUnavailable

    monkeypatch.setattr("apps.payments.selectors.history.document_store", Down)
    answer = client_of("analyst").get(object_url(world.payment))
    assert answer.status_code == 200
    assert "The document store does not answer" in answer.content.decode()
    assert "AL00042" in answer.content.decode()


def test_an_analyst_moves_a_payment_with_a_reason(world: World, client_of: ClientOf, cast: dict[str, User]) -> None:
    client, url = client_of("analyst"), object_url(world.payment, "status")
    form = client.get(url).content.decode()
    assert "Refunded" in form
    assert "Cancelled" not in form
    answer = client.post(url, {"to_status": "disputed", "reason": "The bank has opened a dispute"})
    assert answer["location"] == object_url(world.payment)
    assert status_of(world) == "disputed"
    with tenant_scope(world.tenant.pk):
        change = PaymentStateChange.objects.latest("pk")
    assert (change.actor, change.reason) == (cast["analyst"].email, "The bank has opened a dispute")
    assert len(change.trace_id) == 32
    assert "The bank has opened a dispute" in client.get(object_url(world.payment)).content.decode()


@pytest.mark.parametrize(
    "sent", [{"to_status": "pending", "reason": "no"}, {"to_status": "refunded", "reason": "  "}, {}]
)
def test_what_the_table_does_not_allow_is_refused(sent: dict[str, str], world: World, client_of: ClientOf) -> None:
    assert client_of("lead").post(object_url(world.payment, "status"), sent).status_code == 200
    assert status_of(world) == "success"


@pytest.mark.parametrize("role", ["read_only", "administrator", "compliance_officer", "developer"])
def test_other_roles_do_not_move_payments(role: str, world: World, client_of: ClientOf) -> None:
    client, url = client_of(role), object_url(world.payment, "status")
    assert client.get(url).status_code == 403
    assert client.post(url, {"to_status": "refunded", "reason": "because I say so"}).status_code == 403
    assert status_of(world) == "success"


@pytest.mark.parametrize("key", ["0", "999999999999", "99999999999999999999999", "x", "1'--", "-1", "١"])
def test_a_number_that_is_no_payment_leads_home(key: str, world: World, client_of: ClientOf) -> None:
    client = client_of("analyst")
    for page in ("change", "status"):
        assert client.get(f"/admin/payments/payment/{key}/{page}/").status_code == 302


def test_an_alert_is_a_record_that_no_form_changes(world: World, client_of: ClientOf) -> None:
    """It moves by the steps of its review alone: `tests/fraud/live/test_alert_status.py`."""
    sent = {"status": "INVESTIGATING", "rule": "OTHER", "severity": "LOW"}
    for role in ("read_only", "analyst", "lead"):
        assert client_of(role).post(object_url(world.alert), sent).status_code == 403
    with tenant_scope(world.tenant.pk):
        world.alert.refresh_from_db()
    assert (world.alert.status, world.alert.rule, world.alert.severity) == ("PENDING_REVIEW", "UNUSUAL_AMOUNT", "HIGH")
