"""Redis dies, hangs and comes back: alerts are late for some seconds, none is lost, and nobody needs to reload."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from apps.compliance.models import Tenant, User
from apps.fraud.live import feed as feed_module
from kivendtout.lib import live_hub
from kivendtout.lib.live_layer import LayerAway
from tests.fraud.live.cast import alerts_raised, listening, numbers, person, raise_alerts
from tests.fraud.outages.servers import RedisServer
from tests.web.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own_redis(settings: Any) -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    layer = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {**layer["CONFIG"], "hosts": [server.url]}}}
    yield server
    server.kill()


@pytest.fixture
async def analyst(kvt: Tenant) -> User:
    return await person(kvt, "analyst")


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(feed_module, "ROUND_SECONDS", 0.2)
    monkeypatch.setattr(live_hub, "JOIN_SECONDS", 0.2)
    monkeypatch.setattr(live_hub, "RETRY_SECONDS", 0.1)
    return monkeypatch


async def pushed(tenant: Tenant, socket: Socket, after: int) -> int:
    """Raise alerts until one of them is pushed; the round is far too slow for that. Returns the last number."""
    for number in range(after + 1, after + 100):
        await alerts_raised(tenant)
        if not await socket.receive_nothing(timeout=0.2):
            heard = await numbers(socket, 1)
            assert heard == list(range(after + 1, number + 1))
            return number
    raise AssertionError("no push came through")


async def test_without_redis_alerts_come_with_the_round(
    kvt: Tenant, analyst: User, own_redis: RedisServer, rounds: pytest.MonkeyPatch
) -> None:
    socket = await listening(analyst)
    with own_redis.killed():
        await alerts_raised(kvt, 2)
        assert await numbers(socket, 2) == [1, 2]
        late = await listening(analyst, after=0)  # one that opens meanwhile
        assert await numbers(late, 2) == [1, 2]
    for one in (socket, late):
        await one.disconnect()


async def test_sockets_hear_pushes_again_once_redis_is_back(
    kvt: Tenant, analyst: User, own_redis: RedisServer, rounds: pytest.MonkeyPatch
) -> None:
    socket = await listening(analyst)
    with own_redis.killed():
        late = await listening(analyst)
        await alerts_raised(kvt)
        assert [await numbers(one, 1) for one in (socket, late)] == [[1], [1]]
        rounds.setattr(feed_module, "ROUND_SECONDS", 3_600.0)
        await asyncio.sleep(0.5)  # the last of the short rounds
    last = await pushed(kvt, socket, 1)
    assert await numbers(late, last - 1) == list(range(2, last + 1))
    for one in (socket, late):
        await one.disconnect()


async def test_a_redis_that_hangs_keeps_nobody_who_tells_waiting(
    kvt: Tenant, analyst: User, own_redis: RedisServer, rounds: pytest.MonkeyPatch
) -> None:
    socket = await listening(analyst)
    with own_redis.frozen():
        assert len(await sync_to_async(raise_alerts)(kvt, 3)) == 3  # it came back, with Redis as stuck as before
        assert await numbers(socket, 3) == [1, 2, 3]
    await socket.disconnect()


async def test_a_push_to_a_redis_that_was_away_a_moment_ago_does_not_try_it(
    kvt: Tenant, own_redis: RedisServer
) -> None:
    layer: Any = get_channel_layer()
    own_redis.kill()
    await alerts_raised(kvt)
    with pytest.raises(LayerAway):
        layer.publish("anything", {"group": "anything", "body": 1})
