"""Feature state in Redis: one script a payment, many payments a round trip, nobody in between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import redis

from apps.fraud.engine.event import RANK, Facts, short_key
from apps.fraud.engine.history import History
from apps.fraud.state.keys import (
    KEPT_ROWS,
    LIFE,
    MOST_ROWS,
    MOST_VERDICTS,
    OWNERS,
    VERDICT_OWNERS,
    log_key,
    shorts,
    ttl,
    verdict_key,
    warm_key,
)
from apps.fraud.state.layout import (
    EMPTY_RING,
    ROW,
    VERDICT,
    LabelFacts,
    folded_log,
    read_history,
    read_log,
    rows_of,
)

SCRIPT: Final = (Path(__file__).parent / "script.lua").read_text(encoding="utf-8")
LABEL_SCRIPT: Final = (Path(__file__).parent / "label.lua").read_text(encoding="utf-8")
FOLD_SCRIPT: Final = (Path(__file__).parent / "fold.lua").read_text(encoding="utf-8")
LOGGED: Final = OWNERS[:4]
# Payments a round trip: Redis works on them without a break, so others wait for that long (some 10 ms).
CHUNK: Final = 200


class RedisState:
    def __init__(self, client: redis.Redis) -> None:
        """`client` answers bytes (decode_responses off)."""
        self.client = client
        self._observe = client.register_script(SCRIPT)
        self._label = client.register_script(LABEL_SCRIPT)
        self._fold = client.register_script(FOLD_SCRIPT)

    def observe(self, tenant_id: int, facts: Sequence[Facts], *, now: int) -> list[History]:
        return self._ask(tenant_id, facts, write=True, now=now)

    def look(self, tenant_id: int, facts: Sequence[Facts]) -> list[History]:
        return self._ask(tenant_id, facts, write=False, now=0)

    def label(self, tenant_id: int, labels: Sequence[LabelFacts], *, now: int) -> None:
        pipe = self.client.pipeline(transaction=False)
        for one in labels:
            row = VERDICT.pack(one.known_at, short_key(one.payment_id), one.is_fraud)
            for owner in VERDICT_OWNERS:
                name, life = getattr(one, owner), ttl(owner, one.known_at, now)
                if name is not None and life > 0:
                    key = verdict_key(tenant_id, owner, short_key(name))
                    self._label(keys=[key], args=[row, MOST_VERDICTS[owner] * VERDICT.size, life], client=pipe)
        pipe.execute()

    def is_warm(self, tenant_id: int) -> bool:
        """False while Redis does not know the tenant's past: after it lost its memory, until a rebuild."""
        return bool(self.client.exists(warm_key(tenant_id)))

    def mark_warm(self, tenant_id: int) -> None:
        self.client.set(warm_key(tenant_id), b"1")

    def _ask(self, tenant_id: int, facts: Sequence[Facts], *, write: bool, now: int) -> list[History]:
        told: list[Any] = []
        for start in range(0, len(facts), CHUNK):
            pipe = self.client.pipeline(transaction=False)
            for one in facts[start : start + CHUNK]:
                keys, args = _call(tenant_id, one, write=write, now=now)
                self._observe(keys=keys, args=args, client=pipe)
            told += pipe.execute()
        if write:
            self._fold_long(tenant_id, facts, told)
        return [read_history(shorts(one), answer) for one, answer in zip(facts, told, strict=True)]

    def _fold_long(self, tenant_id: int, facts: Sequence[Facts], told: list[Any]) -> None:
        """Rare: a log has grown too long. Whoever sees it folds it, unless somebody wrote to it meanwhile."""
        for one, answer in zip(facts, told, strict=True):
            for owner, name, value in zip(LOGGED, shorts(one), answer, strict=False):
                if value is not None and name is not None and len(value) > MOST_ROWS[owner] * ROW[owner].size:
                    folded = folded_log(owner, read_log(owner, value), KEPT_ROWS[owner])
                    self._fold(keys=[log_key(tenant_id, owner, name)], args=[value, folded])


def _call(tenant_id: int, facts: Facts, *, write: bool, now: int) -> tuple[list[bytes], list[Any]]:
    named = shorts(facts)
    keys = [b"" if name is None else log_key(tenant_id, owner, name) for owner, name in zip(OWNERS, named, strict=True)]
    judged = zip(VERDICT_OWNERS, (named[0], named[1], named[2], named[4]), strict=True)
    keys += [b"" if name is None else verdict_key(tenant_id, owner, name) for owner, name in judged]
    if not write:
        return keys, ["0", b"", 0, 0, 0, b"", b"", b""]
    key, long, short = rows_of(facts)
    lives = [ttl(owner, facts.at, now) for owner in OWNERS] if now > facts.at else LIFE.values()
    seconds = facts.at // 1_000_000
    return keys, ["1", key, RANK[facts.status], facts.euro_cents or 0, seconds, long, short, EMPTY_RING, *lives]
