"""Feature state in Redis: one script a payment, many payments a round trip, nobody in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import le
from pathlib import Path
from typing import Any, Final

import redis

from apps.fraud.engine.event import RANK, Facts, short_key
from apps.fraud.engine.history import History
from apps.fraud.state.keys import (
    CART_SECONDS,
    KEPT_ROWS,
    LIFE,
    MOST_CARTS,
    MOST_EVENTS,
    MOST_ROWS,
    MOST_VERDICTS,
    OWNERS,
    VERDICT_OWNERS,
    VISIT_SECONDS,
    cart_key,
    log_key,
    nobody_key,
    prefixes,
    rebuild_key,
    shorts,
    ttl,
    verdict_key,
    visit_key,
    warm_key,
)
from apps.fraud.state.layout import (
    ROW,
    VERDICT,
    LabelFacts,
    folded_log,
    read_history,
    read_log,
    rows_of,
)
from apps.fraud.state.visits import Seen, read_visit, visit_rows

SCRIPT: Final = (Path(__file__).parent / "script.lua").read_text(encoding="utf-8")
LABEL_SCRIPT: Final = (Path(__file__).parent / "label.lua").read_text(encoding="utf-8")
FOLD_SCRIPT: Final = (Path(__file__).parent / "fold.lua").read_text(encoding="utf-8")
NOTE_SCRIPT: Final = (Path(__file__).parent / "visits_note.lua").read_text(encoding="utf-8")
VISITS_SCRIPT: Final = (Path(__file__).parent / "visits_look.lua").read_text(encoding="utf-8")
LOGGED: Final = OWNERS[:4]
LIMITS: Final = tuple(MOST_ROWS[owner] * ROW[owner].size for owner in LOGGED)
LIVES: Final = tuple(LIFE[owner] for owner in OWNERS)
A_SECOND: Final = 1_000_000
LOOK, OBSERVE, REMEMBER = "look", "observe", "remember"
# Payments a round trip: Redis works on them without a break, so others wait for that long (some 10 ms).
CHUNK: Final = 200
# Visits noted a round trip, for the same reason.
VISITS: Final = 1_000


class RedisState:
    def __init__(self, client: redis.Redis) -> None:
        """`client` answers bytes (decode_responses off)."""
        self.client = client
        self._observe = client.register_script(SCRIPT)
        self._label = client.register_script(LABEL_SCRIPT)
        self._fold = client.register_script(FOLD_SCRIPT)
        self._note = client.register_script(NOTE_SCRIPT)
        self._visits = client.register_script(VISITS_SCRIPT)

    def observe(self, tenant_id: int, facts: Sequence[Facts], *, now: int) -> list[History]:
        told = self._ask(tenant_id, facts, OBSERVE, now)
        lengths = [
            (len(customer or b""), len(device or b""), len(card or b""), len(ip or b""))
            for customer, device, card, ip, *_more in told
        ]
        self._fold_long(tenant_id, facts, lengths)
        return [_history(one, answer) for one, answer in zip(facts, told, strict=True)]

    def remember(self, tenant_id: int, facts: Sequence[Facts], *, now: int) -> None:
        """`observe` for whoever does not ask: a rebuild need not carry every log back."""
        self._fold_long(tenant_id, facts, self._ask(tenant_id, facts, REMEMBER, now))

    def look(self, tenant_id: int, facts: Sequence[Facts]) -> list[History]:
        told = self._ask(tenant_id, facts, LOOK, 0)
        return [_history(one, answer) for one, answer in zip(facts, told, strict=True)]

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

    def note_carts(self, tenant_id: int, carts: Sequence[tuple[str, int]]) -> None:
        """When a visit touched its cart. A repeat is harmless: the latest before a payment is what counts."""
        pipe = self.client.pipeline(transaction=False)
        for session, at in carts:
            key = cart_key(tenant_id, session)
            pipe.lpush(key, at)
            pipe.ltrim(key, 0, MOST_CARTS - 1)
            pipe.expire(key, CART_SECONDS)
        pipe.execute()

    def carts(self, tenant_id: int, sessions: Sequence[str]) -> dict[str, list[int]]:
        pipe = self.client.pipeline(transaction=False)
        for session in sessions:
            pipe.lrange(cart_key(tenant_id, session), 0, -1)
        return {session: [int(at) for at in found] for session, found in zip(sessions, pipe.execute(), strict=True)}

    def note_visits(self, tenant_id: int, events: Iterable[Seen]) -> None:
        """In any order, and as often as they come: a visit is the set of its newest events."""
        rows = list(visit_rows(events).items())
        for start in range(0, len(rows), VISITS):
            some = rows[start : start + VISITS]
            keys = [visit_key(tenant_id, session) for session, _rows in some]
            self._note(keys=keys, args=[MOST_EVENTS, VISIT_SECONDS, *(one for _session, one in some)])

    def is_warm(self, tenant_id: int) -> bool:
        """False while Redis does not know the tenant's past: after it lost its memory, until a rebuild."""
        return bool(self.client.exists(warm_key(tenant_id)))

    def mark_warm(self, tenant_id: int) -> None:
        self.client.set(warm_key(tenant_id), b"1")

    def rebuilt(self, tenant_id: int) -> bool:
        """Warm, if the rebuild's place is still there: in one step, so that nobody forgets it in between."""
        try:
            self.client.rename(rebuild_key(tenant_id), warm_key(tenant_id))
        except redis.ResponseError:  # no such key
            return False
        return True

    def _ask(self, tenant_id: int, facts: Sequence[Facts], what: str, now: int) -> list[Any]:
        told: list[Any] = []
        for start in range(0, len(facts), CHUNK):
            pipe = self.client.pipeline(transaction=False)
            some = facts[start : start + CHUNK]
            for one in some:
                keys, args = _call(tenant_id, one, what, now)
                self._observe(keys=keys, args=args, client=pipe)
            # In the same round trip, and for all of them at once.
            visited = [] if what == REMEMBER else [(n, one) for n, one in enumerate(some) if one.session]
            if visited:
                keys = [visit_key(tenant_id, one.session or "") for _n, one in visited]
                self._visits(keys=keys, args=[one.at // 1000 for _n, one in visited], client=pipe)
            answers = pipe.execute()
            if visited:
                for (n, _one), visit in zip(visited, answers.pop(), strict=True):
                    answers[n].append(visit)
            told += answers
        return told

    def _fold_long(self, tenant_id: int, facts: Sequence[Facts], lengths: Sequence[Sequence[int]]) -> None:
        """Rare: a log has grown too long. Whoever sees it folds it, unless somebody wrote to it meanwhile."""
        for one, sizes in zip(facts, lengths, strict=True):
            if all(map(le, sizes, LIMITS)):
                continue
            for owner, name, size in zip(LOGGED, shorts(one), sizes, strict=False):
                if name is not None and size > MOST_ROWS[owner] * ROW[owner].size:
                    self._fold_log(owner, log_key(tenant_id, owner, name))

    def _fold_log(self, owner: str, key: bytes) -> None:
        value = self.client.get(key)
        if isinstance(value, bytes):
            self._fold(keys=[key], args=[value, folded_log(owner, read_log(owner, value), KEPT_ROWS[owner])])


def _history(facts: Facts, answer: list[Any]) -> History:
    history = read_history(shorts(facts), answer)
    visit = read_visit(answer[-1]) if facts.session else None
    return history if visit is None else history._replace(visit=visit)


def _call(tenant_id: int, facts: Facts, what: str, now: int) -> tuple[list[bytes], list[Any]]:
    named, nobody = shorts(facts), nobody_key(tenant_id)
    customer, device, card, _ip, merchant = named
    names = (*named, customer, device, card, merchant)  # of the logs, then of the verdicts
    keys = [nobody if name is None else prefix + name for prefix, name in zip(prefixes(tenant_id), names, strict=True)]
    if what == LOOK:
        return keys, [LOOK, b"", 0, 0, 0, b"", b""]
    key, long, short = rows_of(facts)
    whole = LIVES if now - facts.at < A_SECOND else [ttl(owner, facts.at, now) for owner in OWNERS]
    lives = [b"" if name is None else life for name, life in zip(named, whole, strict=True)]
    seconds = facts.at // 1_000_000
    return keys, [what, key, RANK[facts.status], facts.euro_cents or 0, seconds, long, short, *lives]
