"""Both feature states. Redis is the real one; the tests keep to a logical database and a namespace of their own."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import settings

from apps.fraud.state.feature_state import FeatureState
from apps.fraud.state.memory_state import MemoryState
from apps.fraud.state.redis_state import RedisState

SPACE = 1  # feature state takes a tenant as a number; it need not exist


def connect() -> redis.Redis:
    return redis.Redis.from_url(urlsplit(settings.REDIS_URL)._replace(path="/9").geturl())


@pytest.fixture
def redis_client() -> Iterator[redis.Redis]:
    client = connect()
    yield client
    for key in client.scan_iter(f"*{{{settings.STATE_NAMESPACE}*"):
        client.delete(key)
    client.close()


@pytest.fixture(params=["memory", "redis"])
def state(request: pytest.FixtureRequest) -> FeatureState:
    return MemoryState() if request.param == "memory" else RedisState(request.getfixturevalue("redis_client"))
