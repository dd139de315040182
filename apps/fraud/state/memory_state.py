"""Feature state in this process: for histories (training, backtests) and tests. Same layout, same answers as Redis.

It forgets nothing by time, since a history's clock stands still when the run ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from apps.fraud.engine.event import RANK, Facts, short_key
from apps.fraud.engine.history import History
from apps.fraud.state.keys import KEPT_ROWS, MOST_ROWS, MOST_VERDICTS, OWNERS, VERDICT_OWNERS, shorts
from apps.fraud.state.layout import (
    EMPTY_RING,
    ID_AT,
    NO_FOLD_BYTES,
    RINGS,
    SLOT,
    STATUS_AT,
    VERDICT,
    LabelFacts,
    fold_upto,
    folded_log,
    read_history,
    read_log,
    ring_counts,
    rows_of,
)

LOGGED = OWNERS[:4]
Key = tuple[int, str, bytes]


class MemoryState:
    def __init__(self) -> None:
        self.logs: dict[Key, bytes] = {}
        self.rings: dict[Key, bytearray] = {}
        self.verdicts: dict[Key, bytes] = {}
        self.lock = Lock()

    def observe(self, tenant_id: int, facts: Sequence[Facts], *, now: int) -> list[History]:
        with self.lock:
            return [self._observe(tenant_id, one) for one in facts]

    def look(self, tenant_id: int, facts: Sequence[Facts]) -> list[History]:
        with self.lock:
            return [self._history(tenant_id, shorts(one)) for one in facts]

    def label(self, tenant_id: int, labels: Sequence[LabelFacts], *, now: int) -> None:
        with self.lock:
            for one in labels:
                row = VERDICT.pack(one.known_at, short_key(one.payment_id), one.is_fraud)
                for owner in VERDICT_OWNERS:
                    if (name := getattr(one, owner)) is not None:
                        self._judge((tenant_id, owner, short_key(name)), row, MOST_VERDICTS[owner])

    def _observe(self, tenant_id: int, facts: Facts) -> History:
        named = shorts(facts)
        key, long, short = rows_of(facts)
        fate = "known"
        for owner, name in zip(LOGGED, named, strict=False):
            if name is not None:
                what = self._put(owner, (tenant_id, owner, name), key, long if owner == "customer" else short)
                fate = what if owner == "customer" else fate
        if named[4] is not None and fate != "known":
            self._count((tenant_id, "merchant", named[4]), facts, new=fate == "new")
        return self._history(tenant_id, named)

    def _put(self, owner: str, place: Key, key: bytes, row: bytes) -> str:
        log = self.logs.get(place, NO_FOLD_BYTES)
        if int.from_bytes(row[:ID_AT], "big") <= fold_upto(log):
            return "known"
        found = _row_of(log, key, len(row))
        if found is None:
            log += row
            if len(log) > MOST_ROWS[owner] * len(row):
                log = folded_log(owner, read_log(owner, log), KEPT_ROWS[owner])
            self.logs[place] = log
            return "new"
        status = found + STATUS_AT
        if row[STATUS_AT] <= log[status]:
            return "known"
        self.logs[place] = log[:status] + row[STATUS_AT : STATUS_AT + 1] + log[status + 1 :]
        return "changed"

    def _count(self, place: Key, facts: Facts, *, new: bool) -> None:
        ring = self.rings.setdefault(place, bytearray(EMPTY_RING))
        good, bad = ring_counts(RANK[facts.status])
        start = 0
        for period, kept in RINGS:
            number = facts.at // 1_000_000 // period
            at = start + number % kept * SLOT.size
            held = SLOT.unpack_from(ring, at)
            if held[0] < number and new:
                held = (number, 0, 0, 0, 0)
            if held[0] == number:
                cents = (facts.euro_cents or 0) if new else 0
                counts = (held[1] + new, held[2] + good, held[3] + bad, held[4] + cents)
                SLOT.pack_into(ring, at, number, *counts)
            start += kept * SLOT.size

    def _judge(self, place: Key, row: bytes, most: int) -> None:
        log = self.verdicts.get(place, b"")
        rows = [log[n : n + VERDICT.size] for n in range(0, len(log), VERDICT.size)]
        if row not in rows:  # two sources may contradict each other at one instant: both stay, fraud sorts last
            rows.append(row)
            if len(rows) > most:  # the oldest goes, not the one that came first
                rows.remove(min(rows, key=lambda one: one[:8]))
            self.verdicts[place] = b"".join(rows)

    def _history(self, tenant_id: int, named: tuple[bytes | None, ...]) -> History:
        told: list[bytes | None] = [
            self.logs.get((tenant_id, owner, name or b"")) for owner, name in zip(LOGGED, named, strict=False)
        ]
        told.append(bytes(self.rings.get((tenant_id, "merchant", named[4] or b""), b"")))
        judged = zip(VERDICT_OWNERS, (named[0], named[1], named[2], named[4]), strict=True)
        told += [self.verdicts.get((tenant_id, owner, name or b"")) for owner, name in judged]
        return read_history(named, told)


def _row_of(log: bytes, key: bytes, width: int) -> int | None:
    start = 4 + int.from_bytes(log[:4], "big")
    found = log.find(key, start)
    while found != -1:
        if (found - ID_AT - start) % width == 0:
            return found - ID_AT
        found = log.find(key, found + 1)
    return None
