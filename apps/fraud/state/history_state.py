"""Feature state for replaying a history: the answers of MemoryState, with logs that stay counted between payments.

A payment scored live pays for reading its logs once. A replay would read and count each log again for every payment of
its entity. What is told are the logs themselves: use it before the next call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from apps.fraud.engine.event import NOTHING, RANK, Facts, payment_key, short_key
from apps.fraud.engine.features.distinct import country_key
from apps.fraud.engine.history import UNKNOWN_CENTS, History, Log, Past, Verdict
from apps.fraud.state.history_log import HistoryLog
from apps.fraud.state.history_ring import HistoryRing
from apps.fraud.state.keys import MOST_VERDICTS, OWNERS, VERDICT_OWNERS, shorts
from apps.fraud.state.layout import LabelFacts, ring_counts

LOGGED: Final = OWNERS[:4]
Key = tuple[int, bytes]
Named = tuple[bytes | None, ...]
NO_COUNTS: Final = HistoryRing()
NO_LOGS: Final = {owner: HistoryLog(owner) for owner in LOGGED}
NONE_KNOWN: Final[list[Verdict]] = []


class HistoryState:
    def __init__(self) -> None:
        self.logs: dict[str, dict[Key, HistoryLog]] = {owner: {} for owner in LOGGED}
        self.rings: dict[Key, HistoryRing] = {}
        self.verdicts: dict[str, dict[Key, list[Verdict]]] = {owner: {} for owner in VERDICT_OWNERS}
        # The same in the order they came: of two that are equally old, the one that came first is forgotten first.
        self.told: dict[str, dict[Key, list[Verdict]]] = {owner: {} for owner in VERDICT_OWNERS}

        # Whom the payment that was asked for last names: it is told next.
        self._asked: tuple[Facts | None, Named] = (None, ())

    def observe(self, tenant_id: int, facts: Sequence[Facts], *, now: int) -> list[History]:
        for one in facts:
            self.add(tenant_id, one)
        return self.look(tenant_id, facts)

    def look(self, tenant_id: int, facts: Sequence[Facts]) -> list[History]:
        """As `MemoryState` answers: rows of a log, whatever came in when. `before` is the quick way."""
        return [self._look(tenant_id, shorts(one)) for one in facts]

    def _look(self, tenant_id: int, named: Named) -> History:
        logs = [self._log_of(tenant_id, owner, name) for owner, name in zip(LOGGED, named, strict=False)]
        return self._history(tenant_id, named, [None if log is None else log.plain() for log in logs])

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

    def before(self, tenant_id: int, facts: Facts) -> History:
        """What `observe` would answer, without the payment itself: ask, compute, then tell it with `add`.

        Payments must be asked for and told in turn, and a payment has one time: whoever replays knows that it does.
        """
        named = shorts(facts)
        self._asked = (facts, named)
        logs = [self._log_of(tenant_id, owner, name) for owner, name in zip(LOGGED, named, strict=False)]
        for log in logs:
            if log is not None and log.overflows():
                self.add(tenant_id, facts)  # live state folds before it answers
                break
        at = facts.at
        told = [None if log is None else log.ask(at) if at > log.last_at else log.plain() for log in logs]
        return self._history(tenant_id, named, told)

    def add(self, tenant_id: int, facts: Facts, key: bytes | None = None) -> None:
        """`key` is the payment's short key, where it is at hand."""
        customer, device, card, ip, merchant = self._asked[1] if facts is self._asked[0] else shorts(facts)
        assert customer is not None
        cents = UNKNOWN_CENTS if facts.euro_cents is None else facts.euro_cents
        start = (facts.at, key or payment_key(facts.payment_id), cents, RANK[facts.status])
        others = (device or NOTHING, card or NOTHING, ip or NOTHING, merchant or NOTHING)
        fate = self._put("customer", (tenant_id, customer), (*start, *others, country_key(facts.payment_country)))
        short = (*start, customer)
        for owner, name in (("device", device), ("card", card), ("ip", ip)):
            if name is not None:
                self._put(owner, (tenant_id, name), short)
        if merchant is not None and fate != "known":
            self._count((tenant_id, merchant), facts, new=fate == "new")

    def _put(self, owner: str, place: Key, row: tuple[Any, ...]) -> str:
        log = self.logs[owner].get(place)
        if log is None:
            log = self.logs[owner][place] = HistoryLog(owner)
        return log.put(row)

    def _count(self, place: Key, facts: Facts, *, new: bool) -> None:
        ring = self.rings.get(place)
        if ring is None:
            ring = self.rings[place] = HistoryRing()
        good, bad = ring_counts(RANK[facts.status])
        ring.count(facts.at, new=new, good=good, bad=bad, cents=(facts.euro_cents or 0) if new else 0)

    def _log_of(self, tenant_id: int, owner: str, name: bytes | None) -> HistoryLog | None:
        return None if name is None else self.logs[owner].get((tenant_id, name), NO_LOGS[owner])

    def _history(self, tenant_id: int, named: Named, told: Sequence[Log | Past | None]) -> History:
        merchant = named[4]
        customer, device, card, ip = told
        assert customer is not None
        return History(
            customer,
            device,
            card,
            ip,
            None if merchant is None else self.rings.get((tenant_id, merchant), NO_COUNTS),
            self._verdicts("customer", tenant_id, named[0]),
            self._verdicts("device", tenant_id, named[1]),
            self._verdicts("card", tenant_id, named[2]),
            self._verdicts("merchant", tenant_id, merchant),
        )

    def _verdicts(self, owner: str, tenant_id: int, name: bytes | None) -> list[Verdict]:
        return NONE_KNOWN if name is None else self.verdicts[owner].get((tenant_id, name), NONE_KNOWN)


def _judge(told: list[Verdict], verdict: Verdict, most: int) -> None:
    told.append(verdict)
    if len(told) > most:
        told.remove(min(told, key=lambda one: one[0]))
