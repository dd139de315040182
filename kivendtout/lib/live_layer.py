"""Channels' layer on Redis' publish and subscribe, with a way to publish from code that knows no event loop.

Not `channels_redis.core`: it writes each message into a list of every client, forgets its groups with Redis' memory,
and costs a sender 1.1 ms where this takes 0.03 (docs/live.md has the figures).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import redis
from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

# What a push may cost whoever pushes: Redis answers within a millisecond, or is away.
PUBLISH_SECONDS = 0.25
# … and then it is left alone for so long, so that a stream of pushes does not wait for each.
AWAY_SECONDS = 1.0
# Subscribing, in the sockets process: tried again by whoever asked.
CONNECT_SECONDS = 2.0
# channels_redis writes a traceback a second while Redis is away: one line in so many seconds says as much.
SAY_SECONDS = 30.0


class LayerAway(Exception):
    """Redis did not answer a moment ago; it is asked again shortly."""


class LiveLayer(RedisPubSubChannelLayer):
    def __init__(self, hosts: list[str], prefix: str = "kvt", **options: Any) -> None:
        [self.address] = hosts  # one Redis: a second one would need the choice of which group lives where
        # Redis' databases do not keep publications apart: two installations that share it must not hear each other.
        prefix = f"{prefix}.{urlsplit(self.address).path.strip('/') or 0}"
        self.prefix = prefix
        self.client: redis.Redis | None = None
        self.away_until = 0.0
        retry = Retry(ConstantBackoff(0.1), 1)
        host = {"address": self.address, "socket_connect_timeout": CONNECT_SECONDS, "retry": retry}
        super().__init__(hosts=[host], prefix=prefix, **options)

    def publish(self, group: str, message: dict[str, Any]) -> None:
        """`group_send`, from any thread. Raises when Redis is away."""
        self._ask(lambda client: client.publish(self._channel(group), self.serialize(message)))

    def listened(self, groups: Sequence[str]) -> list[str]:
        """Those that somebody listens to, in any process. Raises when Redis is away."""
        channels = [self._channel(group) for group in groups]
        answer = self._ask(lambda client: client.pubsub_numsub(*channels))
        return [group for group, (_channel, count) in zip(groups, answer, strict=True) if count]

    def _channel(self, group: str) -> str:
        return f"{self.prefix}__group__{group}"

    def _ask(self, ask: Callable[[redis.Redis], Any]) -> Any:
        if monotonic() < self.away_until:
            raise LayerAway
        if self.client is None:
            self.client = redis.Redis.from_url(
                self.address, socket_timeout=PUBLISH_SECONDS, socket_connect_timeout=PUBLISH_SECONDS, retry=None
            )
        try:
            return ask(self.client)
        except redis.RedisError:
            self.away_until = monotonic() + AWAY_SECONDS
            raise


class OneLine(logging.Filter):
    """For the layer's own logger."""

    said_at = -SAY_SECONDS

    def filter(self, record: logging.LogRecord) -> bool:
        if monotonic() < self.said_at + SAY_SECONDS:
            return False
        self.said_at = monotonic()
        error = record.exc_info[1] if record.exc_info else None
        record.msg, record.args = "live_layer_away: %s", (type(error).__name__,)
        record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
        return True


logging.getLogger("channels_redis.pubsub").addFilter(OneLine())
