"""The visit's features are what SQL says of the stored behaviour, in any order and however often it is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis

from apps.compliance.models import Tenant
from apps.customers.services.behaviour import behaviour_store
from apps.fraud.engine.features.catalogue import compute_row
from apps.fraud.engine.features.visit import FEATURES
from apps.fraud.selectors.facts import payment_facts
from apps.fraud.services.carts import note_visits
from apps.fraud.state.keys import MOST_EVENTS
from apps.fraud.state.live_state import LiveState
from apps.fraud.state.memory_state import MemoryState
from apps.fraud.state.redis_state import RedisState
from apps.fraud.state.visits import KINDS
from apps.payments.events import BehaviourEvent
from apps.payments.models import PaymentReference
from tests.engine.conftest import SPACE
from tests.engine.oracle.compare import differences
from tests.engine.oracle.rows import oracle_rows
from tests.engine.oracle.worlds import make_world, store
from tests.ingestion.messages import behaviour_event

pytestmark = pytest.mark.django_db
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TYPES = [*KINDS, "payment_attempt", "something_new"]


@pytest.fixture
def live(redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> RedisState:
    state = RedisState(redis_client)
    monkeypatch.setattr("apps.fraud.services.carts.live_state", lambda: LiveState(state))
    return state


def behaviour_around(facts: Sequence[Any], random: Random, many: int) -> list[BehaviourEvent]:
    """Before, at and after the payments; some of one instant, some of nobody's visit."""
    events = []
    sessions = sorted({one.session for one in facts if one.session})
    for n in range(many):
        one = random.choice(facts)
        at = timedelta(microseconds=one.at) + random.choice([timedelta(), timedelta(seconds=random.randint(-900, 300))])
        events.append(
            behaviour_event(
                event_id=f"E{n}",
                type=random.choice(TYPES),
                at=_EPOCH + at + timedelta(microseconds=random.choice([0, 0, 999])),
                session_id=random.choice([one.session, random.choice(sessions), None]),
                product_id=random.choice(["P1", "P2", "P3", None]),
            )
        )
    return events


def told_in_pieces(events: list[BehaviourEvent], random: Random) -> None:
    rest = events + random.choices(events, k=len(events) // 3)
    random.shuffle(rest)
    while rest:
        size = random.choice([1, 2, 7, 50])
        note_visits(SPACE, rest[:size])
        rest = rest[size:]


def visit_faults(live: RedisState, tenant: Tenant, facts: Sequence[Any]) -> list[str]:
    rows, names = oracle_rows(tenant.pk), {feature.name for feature in FEATURES}
    faults: list[str] = []
    for one, history in zip(facts, live.look(SPACE, facts), strict=True):
        found = differences(one, compute_row(one, history, ZoneInfo(tenant.time_zone)), rows[one.payment_id])
        faults += [fault for fault in found if fault.split()[1].rstrip(":") in names]
    return faults


def world(tenant: Tenant, seed: int) -> list[Any]:
    store(make_world(seed), tenant)
    facts = payment_facts(tenant.pk, list(PaymentReference.objects.values_list("pk", flat=True)))
    assert any(one.session for one in facts), "the world has visits"
    return facts


@pytest.mark.parametrize("seed", range(4))
def test_in_any_order_the_visits_features_are_what_sql_says(in_tenant: Tenant, live: RedisState, seed: int) -> None:
    random, facts = Random(seed), world(in_tenant, seed)
    events = behaviour_around(facts, random, 400)
    behaviour_store(tenant_id=in_tenant.pk, events=events)
    told_in_pieces(events, random)
    assert visit_faults(live, in_tenant, facts) == []
    asked = [one for one in live.look(SPACE, facts) if one.visit is not None]
    assert len(asked) > 10, "some visits are known"
    assert [one.visit for one in live.observe(SPACE, facts, now=max(one.at for one in facts))] == [
        one.visit for one in live.look(SPACE, facts)
    ]


def test_of_a_long_visit_the_newest_events_count(in_tenant: Tenant, live: RedisState) -> None:
    random, facts = Random(9), world(in_tenant, 9)
    one = next(one for one in facts if one.session)
    start = _EPOCH + timedelta(microseconds=one.at) - timedelta(hours=1)
    events = [
        behaviour_event(
            event_id=f"L{n}",
            type="product_view",
            at=start + timedelta(seconds=n),
            session_id=one.session,
            product_id=f"P{n}",
        )
        for n in range(MOST_EVENTS + 70)
    ]
    behaviour_store(tenant_id=in_tenant.pk, events=events)
    told_in_pieces(events, random)
    assert visit_faults(live, in_tenant, [one]) == []
    [history] = live.look(SPACE, [one])
    assert history.visit is not None
    assert (history.visit.events, history.visit.products) == (MOST_EVENTS, MOST_EVENTS)


def test_what_is_computed_anew_from_history_does_not_know_the_visit(in_tenant: Tenant) -> None:
    facts = world(in_tenant, 3)
    [history] = MemoryState().look(SPACE, facts[:1])
    row = compute_row(facts[0], history, ZoneInfo(in_tenant.time_zone))
    assert row[-len(FEATURES) :] == [None] * len(FEATURES)


def test_another_tenants_visit_of_the_same_number_is_not_seen(in_tenant: Tenant, live: RedisState) -> None:
    one = next(one for one in world(in_tenant, 3) if one.session)
    at = _EPOCH + timedelta(microseconds=one.at)
    note_visits(SPACE + 1, [behaviour_event(session_id=one.session, at=at)])
    assert live.look(SPACE, [one])[0].visit is None
    note_visits(SPACE, [behaviour_event(session_id=one.session, at=at + timedelta(milliseconds=1))])
    assert live.look(SPACE, [one])[0].visit is None, "it came after the payment"
