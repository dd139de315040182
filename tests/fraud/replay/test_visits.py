"""A decision keeps what was known of the visit, so that it comes out the same when nobody knows the visit any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.compliance.models import Tenant
from apps.fraud.services.carts import note_visits
from apps.fraud.services.replay import decision_replay
from apps.fraud.state.keys import visit_key
from apps.fraud.state.live_state import live_state
from tests.fraud.replay.conftest import Decides, publish
from tests.fraud.scoring.events import NOON
from tests.ingestion.messages import behaviour_event

pytestmark = pytest.mark.django_db
DID = ("page_view", "product_view", "add_to_cart", "remove_from_cart", "checkout_start", "payment_attempt")


def test_rules_may_look_at_the_visit_and_a_replay_still_does(in_tenant: Tenant, decides: Decides) -> None:
    publish(in_tenant, ("session_cart_changes >= 2 AND session_step = 4", 75))
    did = [
        behaviour_event(event_id=f"V{n}", type=kind, session_id="VISIT", at=NOON - timedelta(seconds=60 - n))
        for n, kind in enumerate(DID)
    ]
    note_visits(in_tenant.pk, did)
    decision = decides(session_id="VISIT")
    assert decision.points == 75
    live_state().state.client.delete(visit_key(in_tenant.pk, "VISIT"))
    assert decision_replay(decision=decision).identical


def test_a_payment_without_a_known_visit_meets_no_rule_about_visits(in_tenant: Tenant, decides: Decides) -> None:
    publish(in_tenant, ("session_events < 3", 75))
    assert decides(session_id="NEVER-TOLD").points == 0
    assert decides().points == 0
