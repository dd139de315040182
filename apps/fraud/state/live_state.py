"""Feature state as scoring meets it: in Redis when Redis answers and remembers, absent and said so when not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Final, NamedTuple, TypeVar

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.fraud.engine.event import Facts
from apps.fraud.engine.history import History
from apps.fraud.state.breaker import Away, Breaker
from apps.fraud.state.layout import LabelFacts
from apps.fraud.state.redis_state import RedisState
from apps.fraud.state.visits import Seen

# Redis answers in under a millisecond; a payment does not wait longer than this for what only sharpens its decision.
WAIT_SECONDS: Final = 0.25
R = TypeVar("R")

log = structlog.get_logger(__name__)


class Observed(NamedTuple):
    histories: list[History] | None
    """None when nothing can be known: everything that looks back is then missing from the row."""
    remembered: bool
    """False when Redis did not answer: what it should have heard is owed to it."""


class LiveState:
    def __init__(self, state: RedisState) -> None:
        self.state = state
        self.breaker = Breaker("redis", redis.RedisError, OSError)
        # Tenants of which Redis has heard everything, as far as this process knows. Empty after each failure, as at
        # the start: then PostgreSQL is asked whether anything is still owed.
        self.trusted: set[int] = set()
        self.doubts = 0

    def call(self, ask: Callable[[], R]) -> R:
        """Raises Away, at once where Redis did not answer a moment ago."""
        try:
            return self.breaker.call(ask)
        except Away:
            self.doubt()
            raise

    def doubt(self) -> None:
        self.doubts += 1
        self.trusted.clear()

    def trust(self, tenant_id: int, *, doubts: int) -> None:
        """`doubts` as of before the question: who learnt of a failure since then asks again."""
        if doubts == self.doubts:
            self.trusted.add(tenant_id)

    def observe(self, tenant_id: int, facts: Sequence[Facts], *, now: int) -> Observed:
        try:
            histories = self.call(lambda: self.state.observe(tenant_id, facts, now=now))
        except Away:
            return Observed(None, False)
        # Asked after: a Redis that lost its memory in between is noticed. Half a memory would call everybody new.
        return Observed(histories if self.is_warm(tenant_id) else None, True)

    def look(self, tenant_id: int, facts: Sequence[Facts]) -> list[History] | None:
        try:
            histories = self.call(lambda: self.state.look(tenant_id, facts))
        except Away:
            return None
        return histories if self.is_warm(tenant_id) else None

    def label(self, tenant_id: int, labels: Sequence[LabelFacts], *, now: int) -> bool:
        try:
            self.call(lambda: self.state.label(tenant_id, labels, now=now))
        except Away:
            return False
        return True

    def note_carts(self, tenant_id: int, carts: Sequence[tuple[str, int]]) -> None:
        with suppress(Away):
            self.call(lambda: self.state.note_carts(tenant_id, carts))

    def carts(self, tenant_id: int, sessions: Sequence[str]) -> dict[str, list[int]]:
        try:
            return self.call(lambda: self.state.carts(tenant_id, sessions))
        except Away:
            return {}

    def note_visits(self, tenant_id: int, events: Sequence[Seen]) -> None:
        with suppress(Away):
            self.call(lambda: self.state.note_visits(tenant_id, events))

    def is_warm(self, tenant_id: int) -> bool | None:
        """None when Redis does not answer."""
        try:
            return self.call(lambda: self.state.is_warm(tenant_id))
        except Away:
            return None


@cache
def live_state() -> LiveState:
    """One per process: the client keeps a pool of connections and may be used by all threads."""
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=WAIT_SECONDS,
        socket_connect_timeout=WAIT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
    return LiveState(RedisState(client))
