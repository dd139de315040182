"""Feature state for replaying a history: the answers of MemoryState, with logs kept as rows instead of bytes.

A payment scored live pays for reading its logs once. A replay would read and sort each log again for every payment of
its entity, so here rows stay parsed and sorted. What is told are the rows themselves: use it before the next call.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final

from apps.fraud.engine.event import NOTHING, RANK, Facts, short_key
from apps.fraud.engine.features.distinct import country_key
from apps.fraud.engine.history import NO_FOLD, STATUS, UNKNOWN_CENTS, Folded, History, Log, Ring, Verdict
from apps.fraud.state.keys import KEPT_ROWS, MOST_ROWS, MOST_VERDICTS, OWNERS, VERDICT_OWNERS, shorts
from apps.fraud.state.layout import RINGS, ROW, LabelFacts, folded_log, read_log, ring_counts

LOGGED: Final = OWNERS[:4]
Key = tuple[int, bytes]
Slot = tuple[int, int, int, int, int]
NO_COUNTS: Final = Ring([], [], [])
NONE_KNOWN: Final[list[Verdict]] = []


class _Log:
    """`head` is how many bytes the fold takes in the layout: a log is folded by its length in bytes."""

    __slots__ = ("folded", "head", "rows")

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.folded: Folded = NO_FOLD
        self.head = 4


class HistoryState:
    def __init__(self) -> None:
        self.logs: dict[str, dict[Key, _Log]] = {owner: {} for owner in LOGGED}
        self.rings: dict[Key, Ring] = {}
        self.verdicts: dict[str, dict[Key, list[Verdict]]] = {owner: {} for owner in VERDICT_OWNERS}
        # The same in the order they came: of two that are equally old, the one that came first is forgotten first.
        self.told: dict[str, dict[Key, list[Verdict]]] = {owner: {} for owner in VERDICT_OWNERS}

    def observe(self, tenant_id: int, facts: Sequence[Facts], *, now: int) -> list[History]:
        return [self._observe(tenant_id, one) for one in facts]

    def look(self, tenant_id: int, facts: Sequence[Facts]) -> list[History]:
        return [self._history(tenant_id, shorts(one)) for one in facts]

    def label(self, tenant_id: int, labels: Sequence[LabelFacts], *, now: int) -> None:
        for one in labels:
            verdict = (one.known_at, short_key(one.payment_id), int(one.is_fraud))
            for owner in VERDICT_OWNERS:
                if (name := getattr(one, owner)) is not None:
                    place = (tenant_id, short_key(name))
                    told = self.told[owner].setdefault(place, [])
                    if verdict not in told:
                        _judge(told, verdict, MOST_VERDICTS[owner])
                        self.verdicts[owner][place] = sorted(told)

    def _observe(self, tenant_id: int, facts: Facts) -> History:
        named = shorts(facts)
        customer, device, card, ip, merchant = named
        assert customer is not None
        cents = UNKNOWN_CENTS if facts.euro_cents is None else facts.euro_cents
        start = (facts.at, short_key(facts.payment_id), cents, RANK[facts.status])
        others = (device or NOTHING, card or NOTHING, ip or NOTHING, merchant or NOTHING)
        fate = self._put("customer", (tenant_id, customer), (*start, *others, country_key(facts.payment_country)))
        short = (*start, customer)
        for owner, name in (("device", device), ("card", card), ("ip", ip)):
            if name is not None:
                self._put(owner, (tenant_id, name), short)
        if merchant is not None and fate != "known":
            self._count((tenant_id, merchant), facts, new=fate == "new")
        return self._history(tenant_id, named)

    def _put(self, owner: str, place: Key, row: tuple[Any, ...]) -> str:
        logs = self.logs[owner]
        log = logs.get(place)
        if log is None:
            log = logs[place] = _Log()
        if log.folded.count and row[0] <= log.folded.upto:
            return "known"
        rows = log.rows
        at = len(rows) if not rows or rows[-1][:2] < row[:2] else bisect_left(rows, row[:2])
        if at < len(rows) and rows[at][:2] == row[:2]:
            return _raise_status(rows, at, row[STATUS])
        rows.insert(at, row)
        if len(rows) * ROW[owner].size + log.head > MOST_ROWS[owner] * ROW[owner].size:
            _fold(owner, log)
        return "new"

    def _count(self, place: Key, facts: Facts, *, new: bool) -> None:
        ring = self.rings.setdefault(place, Ring([], [], []))
        good, bad = ring_counts(RANK[facts.status])
        cents = (facts.euro_cents or 0) if new else 0
        for (period, kept), slots in zip(RINGS, ring, strict=True):
            number = facts.at // 1_000_000 // period
            at = _slot(slots, number, kept, new=new)
            if at is not None:
                held = slots[at]
                slots[at] = (number, held[1] + new, held[2] + good, held[3] + bad, held[4] + cents)

    def _history(self, tenant_id: int, named: tuple[bytes | None, ...]) -> History:
        customer, device, card, ip, merchant = named
        ring = None if merchant is None else self.rings.get((tenant_id, merchant), NO_COUNTS)
        return History(
            self._log("customer", tenant_id, customer) or Log([], NO_FOLD),
            self._log("device", tenant_id, device),
            self._log("card", tenant_id, card),
            self._log("ip", tenant_id, ip),
            ring,
            self._verdicts("customer", tenant_id, customer),
            self._verdicts("device", tenant_id, device),
            self._verdicts("card", tenant_id, card),
            self._verdicts("merchant", tenant_id, merchant),
        )

    def _log(self, owner: str, tenant_id: int, name: bytes | None) -> Log | None:
        if name is None:
            return None
        log = self.logs[owner].get((tenant_id, name))
        return Log([], NO_FOLD) if log is None else Log(log.rows, log.folded)

    def _verdicts(self, owner: str, tenant_id: int, name: bytes | None) -> list[Verdict]:
        return NONE_KNOWN if name is None else self.verdicts[owner].get((tenant_id, name), NONE_KNOWN)


def _slot(slots: list[Slot], number: int, kept: int, *, new: bool) -> int | None:
    """Where the period is counted, in the order of time; None if it is too old, or has no count to change."""
    at = len(slots)
    if slots and number <= slots[-1][0]:
        at = bisect_left(slots, (number,))
        if slots[at][0] == number:
            return at
    if not new or (slots and number <= slots[-1][0] - kept):
        return None
    slots.insert(at, (number, 0, 0, 0, 0))
    stale = bisect_left(slots, (slots[-1][0] - kept + 1,))
    del slots[:stale]
    return at - stale


def _raise_status(rows: list[Any], at: int, status: int) -> str:
    row = rows[at]
    if status <= row[STATUS]:
        return "known"
    rows[at] = (*row[:STATUS], status, *row[STATUS + 1 :])
    return "changed"


def _fold(owner: str, log: _Log) -> None:
    """Through the bytes of the layout: one way to fold, so one result."""
    value = folded_log(owner, Log(log.rows, log.folded), KEPT_ROWS[owner])
    log.rows, log.folded = read_log(owner, value)
    log.head = len(value) - len(log.rows) * ROW[owner].size


def _judge(told: list[Verdict], verdict: Verdict, most: int) -> None:
    told.append(verdict)
    if len(told) > most:
        told.remove(min(told, key=lambda one: one[0]))
