"""Redis hangs, refuses, comes back, comes back empty: payments are decided, the decisions say so, and it catches up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from apps.fraud.engine.history import History
from apps.fraud.selectors.facts import facts_in_order
from apps.fraud.services import feature_state
from apps.fraud.services.feature_state import state_check, state_rebuild
from apps.fraud.state.breaker import PAUSE_SECONDS
from apps.fraud.state.live_state import live_state
from apps.fraud.state.memory_state import MemoryState
from apps.fraud.tasks import check_state
from kivendtout.lib.clock import EPOCH, event_time, now
from kivendtout.lib.tenancy import tenant_scope
from tests.fraud.api.conftest import Shop
from tests.fraud.outages.conftest import Score, nothing_is_half_written, rows, together
from tests.fraud.outages.servers import RedisServer

pytestmark = [pytest.mark.usefixtures("patient"), pytest.mark.xdist_group("outages")]


class Hands:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def hands(shop: Shop) -> Hands:
    hands = Hands()
    live_state().breaker.clock = hands
    return hands


@pytest.fixture
def attempts(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that somebody waits for Redis."""
    asked: list[int] = []
    breaker = live_state().breaker
    call = breaker.call

    def counted(ask: Callable[[], Any]) -> Any:
        def told() -> Any:
            asked.append(1)
            return ask()

        return call(told)

    monkeypatch.setattr(breaker, "call", counted)
    return asked


def known_and_true(shop: Shop) -> tuple[list[History] | None, list[History]]:
    """What Redis knows around each payment, and what a memory knows that missed nothing."""
    memory, tenant_id = MemoryState(), shop.tenant.pk
    with tenant_scope(tenant_id):
        chunks = facts_in_order(tenant_id, after=EPOCH, until=datetime.max.replace(tzinfo=UTC))
        facts = [one for _place, some in chunks for one in some]
    memory.observe(tenant_id, facts, now=event_time(now()))
    return live_state().look(tenant_id, facts), memory.look(tenant_id, facts)


def parts(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return list(answer.json()["degraded_parts"])


def debts(shop: Shop) -> int:
    return rows(shop, "fraud_statedebt")


@pytest.mark.parametrize("how", ["frozen", "killed"])
def test_payments_are_decided_without_redis_and_it_learns_of_them_when_it_is_back(
    shop: Shop, own_redis: RedisServer, hands: Hands, score: Score, how: str
) -> None:
    device = {"device_id": "D1", "card_fingerprint": "K1"}
    assert parts(score(shop, shop.payment(**device))) == []
    with getattr(own_redis, how)():
        for _n in range(3):
            answer = score(shop, shop.payment(**device))
            assert (parts(answer), answer.json()["degraded"]) == (["state"], True)
        assert debts(shop) == 3
        assert state_check(tenant_id=shop.tenant.pk, now=now()) is None
    hands.time += PAUSE_SECONDS + 0.1

    assert state_check(tenant_id=shop.tenant.pk, now=now()) in (3, 3 + 4)  # killed, it forgot all four

    assert debts(shop) == 0
    known, true = known_and_true(shop)
    assert known == true
    assert parts(score(shop, shop.payment(**device))) == []
    nothing_is_half_written(shop)


def test_decisions_are_flagged_until_redis_has_heard_what_it_is_owed(
    shop: Shop, own_redis: RedisServer, hands: Hands, score: Score
) -> None:
    with own_redis.frozen():
        score(shop, shop.payment())
    hands.time += PAUSE_SECONDS + 0.1
    live_state().call(lambda: live_state().state.client.ping())  # it is back, and misses one payment

    assert parts(score(shop, shop.payment())) == ["state"]
    check_state()
    assert parts(score(shop, shop.payment())) == []


def test_a_process_that_began_during_the_outage_flags_its_decisions_too(
    shop: Shop, own_redis: RedisServer, hands: Hands, score: Score
) -> None:
    with own_redis.frozen():
        score(shop, shop.payment())
    live_state.cache_clear()

    assert parts(score(shop, shop.payment())) == ["state"]


def test_of_a_hundred_payments_one_waits_for_a_redis_that_hangs(
    shop: Shop, own_redis: RedisServer, attempts: list[int], hands: Hands, score: Score
) -> None:
    score(shop, shop.payment())
    attempts.clear()
    with own_redis.frozen():
        score(shop, shop.payment())
        assert len(attempts) == 1
        answers = together(lambda payment: score(shop, payment), [shop.payment() for _n in range(99)])
        assert len(attempts) == 1

        hands.time += PAUSE_SECONDS + 0.1
        answers += together(lambda payment: score(shop, payment), [shop.payment() for _n in range(40)])
        assert len(attempts) == 2  # one found out that it is still away, for all

    assert {answer.status_code for answer in answers} == {200}
    assert debts(shop) == 140


def test_a_redis_that_lost_its_memory_is_said_so_until_it_has_learnt_everything_again(
    shop: Shop, own_redis: RedisServer, hands: Hands, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.payment(device_id="D1")
    first = score(shop, payment, idempotency_key="order-17")
    score(shop, shop.payment(device_id="D1"))
    monkeypatch.setattr(feature_state, "SMALL", 0)  # as for a tenant with too much history to learn in passing
    with own_redis.killed():
        pass
    hands.time += PAUSE_SECONDS + 0.1

    assert parts(score(shop, shop.payment(device_id="D1"))) == ["state"]
    assert score(shop, payment, idempotency_key="order-17").content == first.content
    check_state()

    known, true = known_and_true(shop)
    assert known == true
    assert parts(score(shop, shop.payment(device_id="D1"))) == []
    assert score(shop, payment, idempotency_key="order-17").content == first.content
    assert rows(shop, "fraud_decision") == 4


def test_a_small_tenant_is_learnt_again_with_its_next_payment(
    shop: Shop, own_redis: RedisServer, hands: Hands, score: Score
) -> None:
    score(shop, shop.payment())
    with own_redis.killed():
        pass
    hands.time += PAUSE_SECONDS + 0.1

    score(shop, shop.payment())  # meets the closed connection
    hands.time += PAUSE_SECONDS + 0.1
    check_state()
    assert parts(score(shop, shop.payment())) == []
    known, true = known_and_true(shop)
    assert known == true


def test_a_redis_that_goes_away_while_a_tenant_is_learnt_costs_no_payment(
    shop: Shop, own_redis: RedisServer, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(**_told: Any) -> None:
        raise redis.ConnectionError("just now")

    with redis.Redis.from_url(own_redis.url) as client:
        client.flushall()
    monkeypatch.setattr(feature_state, "state_rebuild", gone)

    assert parts(score(shop, shop.payment())) == ["state"]


def test_a_rebuild_that_is_cut_short_goes_on_where_it_was(
    shop: Shop, own_redis: RedisServer, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _n in range(3):
        score(shop, shop.payment())
    with redis.Redis.from_url(own_redis.url) as client:
        client.flushall()

    class Cut(Exception):
        pass

    def cut(*_told: int) -> None:
        raise Cut

    with pytest.raises(Cut):
        state_rebuild(tenant_id=shop.tenant.pk, now=now(), progress=cut)
    assert live_state().is_warm(shop.tenant.pk) is False

    assert state_rebuild(tenant_id=shop.tenant.pk, now=now()).resumed
    known, true = known_and_true(shop)
    assert known == true
