"""Decisions on the activity page and its socket: a chip a payment, in the reader's language, at one question a page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client
from django.urls import reverse

from apps.compliance.models import Tenant, User
from apps.fraud.models import Decision, FraudAlert, RuleSet
from apps.fraud.selectors.decision_chips import MOST_COUNTED, decisions_of_payments, waiting_tile
from apps.fraud.services.scoring import payments_decide
from apps.payments.live.messages import push_payments
from apps.payments.selectors.activity import payments_latest
from kivendtout.lib.live_threads import close_connections
from kivendtout.lib.tenancy import tenant_scope
from tests.admin.sql import statements
from tests.factories import make_customer, make_payment
from tests.fraud.replay.conftest import engine_now, publish
from tests.fraud.scoring.events import NOON, an_event
from tests.web.live_cast import joined

CHALLENGED = ("amount_eur > 100", 40)


def decided(tenant: Tenant, amount: str) -> Decision:
    with tenant_scope(tenant.pk):
        if not RuleSet.objects.exists():
            publish(tenant, CHALLENGED)
        event = an_event(make_customer(tenant), amount=amount)
        done = payments_decide(
            tenant_id=tenant.pk, events=[event], source="test", now=NOON + timedelta(hours=1),
            engine=engine_now(tenant),
        )  # fmt: skip
        return Decision.objects.get(pk=done.recorded.new[0])


@pytest.mark.django_db
class TestRows:
    def test_a_row_says_what_was_decided_and_where_to_read_why(self, in_tenant: Tenant) -> None:
        decision = decided(in_tenant, "150.00")
        [row] = payments_latest()
        assert row["decision"] == {
            "outcome": "CHALLENGE", "label": row["decision"]["label"], "severity": "medium",
            "severity_label": row["decision"]["severity_label"], "score": 0.4,
            "url": reverse("admin:fraud_decision_change", args=[decision.pk]),
        }  # fmt: skip
        assert row["decision"]["label"]

    def test_an_allowed_payment_leads_nowhere_and_has_no_mark(self, in_tenant: Tenant) -> None:
        decided(in_tenant, "5.00")
        [row] = payments_latest()
        assert (row["decision"]["outcome"], row["decision"]["url"], row["decision"]["severity"]) == ("ALLOW", "", "")

    def test_a_payment_that_nobody_decided_on_has_none(self, in_tenant: Tenant) -> None:
        make_payment(in_tenant)
        assert payments_latest()[0]["decision"] is None

    def test_a_page_of_decisions_is_one_question(self, in_tenant: Tenant) -> None:
        ids = [decided(in_tenant, amount).pk for amount in ("150.00", "5.00", "300.00")]
        with statements() as sent:
            assert set(decisions_of_payments(ids)) == set(ids)
        assert len(sent) == 1

    def test_another_tenants_decisions_are_none_of_ours(self, in_tenant: Tenant, neighbour: Tenant) -> None:
        theirs = decided(neighbour, "150.00")
        assert decisions_of_payments([theirs.pk]) == {}

    def test_the_page_shows_the_chip_the_mark_and_the_tile(
        self, in_tenant: Tenant, analyst: User, client: Client
    ) -> None:
        decision = decided(in_tenant, "150.00")
        client.force_login(analyst)
        html = client.get("/").content.decode()
        assert f'data-outcome="CHALLENGE" href="/admin/fraud/decision/{decision.pk}/change/"' in html
        assert 'data-severity="medium"' in html

    def test_the_outsiders_page_shows_nothing_of_it(self, in_tenant: Tenant, outsider: User, client: Client) -> None:
        decided(in_tenant, "150.00")
        client.force_login(outsider)
        html = client.get("/").content.decode()
        assert 'data-outcome="CHALLENGE"' not in html
        with tenant_scope(outsider.tenant_id):
            assert waiting_tile()["value"] == "0"

    def test_waiting_alerts_are_counted_until_somebody_looks_at_them(self, in_tenant: Tenant) -> None:
        decided(in_tenant, "150.00")
        assert (waiting_tile()["value"], waiting_tile()["tone"]) == ("1", "warning")
        FraudAlert.objects.update(status="INVESTIGATING")
        assert (waiting_tile()["value"], waiting_tile()["tone"]) == ("0", "neutral")

    def test_beyond_what_anybody_reads_alerts_are_not_counted(
        self, in_tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from apps.fraud.selectors import decision_chips

        assert MOST_COUNTED == 10_000
        monkeypatch.setattr(decision_chips, "MOST_COUNTED", 2)
        for _ in range(4):
            decided(in_tenant, "150.00")
        assert waiting_tile()["value"] == "2 +"


# --- the socket -------------------------------------------------------------------------------------------------------
@pytest.fixture
async def kvt(transactional_db: None) -> AsyncIterator[Tenant]:
    yield await Tenant.objects.acreate(slug="kvt", name="KiVendTout")
    await sync_to_async(connections.close_all)()
    close_connections()


def _decide_and_push(tenant: Tenant) -> Decision:
    decision = decided(tenant, "150.00")
    push_payments(tenant_id=tenant.pk, ids=[decision.pk])
    return decision


@pytest.mark.django_db(transaction=True)
async def test_a_push_carries_the_decision(kvt: Tenant) -> None:
    communicator = await joined(kvt, language="en")
    decision = await sync_to_async(_decide_and_push)(kvt)
    [row] = (await communicator.next_of("payments"))["payments"]
    told: dict[str, Any] = row["decision"]
    assert (told["outcome"], told["label"], told["severity"]) == ("CHALLENGE", "To check", "medium")
    assert told["url"] == f"/admin/fraud/decision/{decision.pk}/change/"
    await communicator.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_a_page_that_missed_it_gets_the_decision_with_the_latest(kvt: Tenant) -> None:
    await sync_to_async(decided)(kvt, "150.00")
    communicator = await joined(kvt, language="en")
    await communicator.send_json({"type": "resume"})
    assert (await communicator.next_of("latest"))["payments"][0]["decision"]["outcome"] == "CHALLENGE"
    await communicator.disconnect()
