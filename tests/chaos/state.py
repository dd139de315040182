"""Does Redis know what PostgreSQL knows? Each customer, device, card, address and merchant is looked at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from apps.compliance.models import Tenant
from apps.fraud.engine.event import Facts, short_key
from apps.fraud.engine.features.catalogue import FEATURES, compute_row
from apps.fraud.engine.history import Counts, History, Log, Slot
from apps.fraud.selectors.facts import facts_in_order, label_facts
from apps.fraud.state.keys import OWNERS, VERDICT_OWNERS
from apps.fraud.state.layout import RINGS
from apps.fraud.state.live_state import live_state
from apps.fraud.state.memory_state import MemoryState
from kivendtout.lib.clock import EPOCH, event_time, now
from kivendtout.lib.tenancy import tenant_scope
from tests.chaos.world import TENANT
from tests.engine.oracle.compare import differences, newest_at_merchants
from tests.engine.oracle.rows import oracle_rows

# A question that Redis is still busy answering; the connection waits a quarter of a second at most.
CHUNK = 50
# The oracle is written to be right, not fast: its work grows with the square of an entity's payments.
MOST_FOR_ORACLE = 10_000
Names = dict[bytes, str]


def state_differences() -> tuple[int, list[str]]:
    """How many entities were compared, and a sentence for each that differs."""
    tenant = Tenant.objects.get(slug=TENANT)
    tenant_id = tenant.pk
    with tenant_scope(tenant_id):
        chunks = facts_in_order(tenant_id, after=EPOCH, until=datetime.max.replace(tzinfo=UTC))
        facts = [one for _place, chunk in chunks for one in chunk]
    memory = MemoryState()
    memory.observe(tenant_id, facts, now=event_time(now()))
    with tenant_scope(tenant_id):
        for _place, labels in label_facts(tenant_id):
            memory.label(tenant_id, labels, now=event_time(now()))
    newest = {one.merchant: one.at // 1_000_000 for one in facts}  # in the order of time: the last one stays
    names = {short_key(one.payment_id): one.payment_id for one in facts}
    seen: set[tuple[str, str | None]] = set()
    apart: list[str] = []
    oracle = Oracle(tenant, facts)
    probes = _probes(facts)
    for start in range(0, len(probes), CHUNK):
        some = probes[start : start + CHUNK]
        known = live_state().state.look(tenant_id, some)
        for one, redis, true in zip(some, known, memory.look(tenant_id, some), strict=True):
            apart += oracle.differences(one, redis)
            for owner in OWNERS:
                name = getattr(one, owner)
                if name is not None and (owner, name) not in seen:
                    seen.add((owner, name))
                    apart += _difference(owner, name, redis, true, names, newest.get(one.merchant, 0))
                    if owner in VERDICT_OWNERS:
                        apart += _verdicts_apart(owner, name, redis, true)
    return len(seen), apart


class Oracle:
    """What SQL over the stored rows says of each feature, beside what the engine makes of Redis' answer."""

    def __init__(self, tenant: Tenant, facts: Sequence[Facts]) -> None:
        self.zone = ZoneInfo(tenant.time_zone)
        self.rows = oracle_rows(tenant.pk) if len(facts) <= MOST_FOR_ORACLE else {}
        self.newest = newest_at_merchants(facts)

    def differences(self, one: Facts, redis: History) -> list[str]:
        if (expected := self.rows.get(one.payment_id)) is None:
            return []
        row = compute_row(one, redis, self.zone)
        # Visits are lost with Redis, as is promised, and are not made again from what is stored.
        told = expected | {feature.name: value for feature, value in zip(FEATURES, row, strict=True)
                           if feature.owner == "session"}  # fmt: skip
        return differences(one, row, told, newest=self.newest[one.merchant])


def _probes(facts: Sequence[Facts]) -> list[Facts]:
    """Payments that together name every entity, the newest: they have the most to look back on."""
    met: set[tuple[str, str]] = set()
    probes = []
    for one in reversed(facts):
        named = {(owner, name) for owner in OWNERS if (name := getattr(one, owner)) is not None}
        if not named <= met:
            met |= named
            probes.append(one)
    return probes


def _difference(owner: str, name: str, redis: History, true: History, names: Names, newest: int) -> list[str]:
    held, wanted = getattr(redis, owner), getattr(true, owner)
    if owner == "merchant":
        counts = [(_counts(held, which, newest), _counts(wanted, which, newest)) for which in range(len(RINGS))]
        return [f"merchant {name}: {one} instead of {other}"[:300] for one, other in counts if one != other][:1]
    return [] if held == wanted else [f"{owner} {name}: {_apart(held, wanted, names)}"]


def _verdicts_apart(owner: str, name: str, redis: History, true: History) -> list[str]:
    held, wanted = (sorted(getattr(history, f"{owner}_verdicts")) for history in (redis, true))
    return [] if held == wanted else [f"verdicts on {owner} {name}: {len(held)} instead of {len(wanted)}"]


def _counts(ring: Counts, which: int, newest: int) -> list[Slot]:
    """Periods that a payment of now could still ask for. Older ones are overwritten when their place is needed."""
    period, kept = RINGS[which]
    last = newest // period
    return sorted(ring.between(which, last - kept + 1, last + 1))


def _apart(held: Log, wanted: Log, names: Names) -> str:
    here, there = {row[1]: row for row in held.rows}, {row[1]: row for row in wanted.rows}
    missing = [names.get(key, "?") for key in there.keys() - here.keys()]
    beyond = [names.get(key, "a payment that PostgreSQL does not have") for key in here.keys() - there.keys()]
    other = [names.get(key, "?") for key in here.keys() & there.keys() if here[key] != there[key]]
    twice = len(held.rows) - len(here)
    return f"missing {missing[:5]}, beyond {beyond[:5]}, otherwise {other[:5]}, twice {twice}"
