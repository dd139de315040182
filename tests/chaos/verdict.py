"""What must hold after the last kill. Pure: evidence in, findings out, so that a test can show that it finds faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from tests.chaos.found import Evidence

# Of the alert policy `points`, which the shop has.
ALERT_POINTS = 60
# Decisions of one batch have one time.
LAST_BATCHES = 3


@dataclass(frozen=True)
class Finding:
    name: str
    wanted: int
    found: int
    faults: list[str]

    @property
    def holds(self) -> bool:
        return not self.faults


def verdict(of: Evidence) -> list[Finding]:
    return [check(of) for check in CHECKS]


def figures(of: Evidence) -> dict[str, int]:
    """What is allowed, and worth knowing."""
    return {
        "sends of unknown fate, sent again": of.ledger.unsure,
        "decisions published again": len(of.published) - len(set(of.published)),
        "alerts published again": len(of.published_alerts) - len(set(of.published_alerts)),
        "dead letters told again": len(of.dead) - len({one.source for one in of.dead}),
        "decisions that said they were degraded": sum(one.degraded for one in of.decisions),
        "seconds without a decision, at the longest": _longest_pause(of),
    }


def _longest_pause(of: Evidence) -> int:
    times = sorted(one.at for one in of.decisions)
    return round(max((later - earlier for earlier, later in pairwise(times)), default=0.0))


def acknowledged(of: Evidence) -> Finding:
    return Finding("messages sent and acknowledged", of.ledger.acknowledged.total() + len(of.ledger.never),
                   of.ledger.acknowledged.total(), [one.id for one in of.ledger.never])  # fmt: skip


def one_reference(of: Evidence) -> Finding:
    return _once("payments with one reference", of.ledger.told, of.references)


def one_payment(of: Evidence) -> Finding:
    return _once("payments with one row", of.ledger.told, (payment for payment, _status in of.payments))


def one_decision(of: Evidence) -> Finding:
    return _once("payments with one decision", of.ledger.told, (one.payment for one in of.decisions))


def statuses(of: Evidence) -> Finding:
    held = dict(of.payments)
    wrong = [
        f"{payment}: {held[payment]} instead of {of.ledger.status(payment)}"
        for payment in of.ledger.told
        if payment in held and held[payment] != of.ledger.status(payment)
    ]
    return Finding("payments that stand as they were told", len(of.ledger.told), len(held) - len(wrong), wrong)


def alerts_once(of: Evidence) -> Finding:
    """Every decision of so many points has one; one of fewer may, for a failed payment."""
    due = {f"kvt-{one.number}" for one in of.decisions if one.points >= ALERT_POINTS}
    possible = {f"kvt-{one.number}" for one in of.decisions}
    held = Counter(of.alerts)
    faults = [f"{one} is not there" for one in sorted(due - set(held))]
    faults += [f"{one} of no decision" for one in sorted(set(held) - possible)]
    faults += [f"{one} is there {count} times" for one, count in held.items() if count > 1]
    return Finding("alerts once in the database", len(due | set(held)), len(held), faults)


def changes_numbered(of: Evidence) -> Finding:
    """Each alert is told to open pages once, and no number is left out, or a page would wait for it."""
    told = Counter(alert for alert, _number in of.changes)
    numbers = sorted(number or 0 for _alert, number in of.changes)
    faults = [f"{alert} was told {told[alert]} times" for alert in of.alerts if told[alert] != 1]
    faults += [f"{alert} has no number" for alert, number in of.changes if number is None]
    if numbers != list(range(1, len(numbers) + 1)):
        faults.append(f"{len(numbers)} numbers are not 1 to {len(numbers)}: {numbers[:5]} … {numbers[-5:]}")
    return Finding("alerts numbered for open pages", len(of.alerts), len(of.changes), faults)


def decisions_published(of: Evidence) -> Finding:
    wanted = {f"dec_{one.number}" for one in of.decisions}
    return _published("decisions that reached their topic", wanted, {name for _customer, name in of.published})


def alerts_published(of: Evidence) -> Finding:
    return _published("alerts that reached their topic", set(of.alerts), set(of.published_alerts))


def published_in_order(of: Evidence) -> Finding:
    """Of one customer, whoever reads the topic meets each decision first after those that were made before it."""
    made = {f"dec_{one.number}": one.at for one in of.decisions}
    latest: dict[str, float] = {}
    late = []
    first = dict.fromkeys((customer, name) for customer, name in of.published if name in made)
    for customer, name in first:
        if made[name] < latest.get(customer, 0.0):
            late.append(f"{name} of {customer}")
        latest[customer] = max(made[name], latest.get(customer, 0.0))
    return Finding("decisions published in their customer's order", len(first), len(first) - len(late), late)


def orders(of: Evidence) -> Finding:
    return _once("orders recorded", of.ledger.orders, (order for order, _payment in of.orders))


def orders_linked(of: Evidence) -> Finding:
    held = dict(of.orders)
    wrong = [
        f"{order}: {held[order]} instead of {payment}"
        for order, payment in of.ledger.orders.items()
        if order in held and held[order] != payment
    ]
    return Finding("orders linked to their payment", len(of.ledger.orders), len(held) - len(wrong), wrong)


def labels(of: Evidence) -> Finding:
    wanted = (f"{payment}: {says}" for payment, says in of.ledger.labels.items())
    return _once("verdicts on payments recorded", wanted, (f"{payment}: {says}" for payment, says in of.labels))


def events(of: Evidence) -> Finding:
    return _once("behaviour in the document store", of.ledger.events, of.events)


def poison_aside(of: Evidence) -> Finding:
    told = {one.source for one in of.dead}
    missing = [f"{mark} at {place}" for place, mark in of.ledger.poison.items() if place not in told]
    count = len(of.ledger.poison)
    return Finding("poison among the dead letters", count, count - len(missing), missing)


def only_poison_aside(of: Evidence) -> Finding:
    good = [f"{one.source}: {one.text[:160]}" for one in of.dead if "poison-" not in one.text]
    return Finding("dead letters that are poison", len(of.dead), len(of.dead) - len(good), good)


def state_is_true(of: Evidence) -> Finding:
    differ = of.state_differences
    return Finding("entities that Redis knows as PostgreSQL does", of.state_compared,
                   of.state_compared - len(differ), differ)  # fmt: skip


def nothing_left(of: Evidence) -> Finding:
    left = [f"{what}: {count}" for what, count in of.unfinished.items() if count]
    return Finding("nothing left to do", 0, sum(of.unfinished.values()), left)


def calm_is_not_degraded(of: Evidence) -> Finding:
    """A busy machine may keep Redis from answering in time for a moment; a calm must not end with that."""
    count, flagged, faults = 0, 0, []
    for first, last in of.calm:
        calm = sorted((one for one in of.decisions if first <= one.at <= last), key=lambda one: one.at)
        ends = sorted({one.at for one in calm})[-LAST_BATCHES:]
        latest = [one for one in calm if one.at in ends]
        count += len(calm)
        flagged += sum(one.degraded for one in calm)
        faults += [one.payment for one in latest] if latest and all(one.degraded for one in latest) else []
    return Finding("decisions in calm moments, not degraded", count, count - flagged, faults)


def processes_live(of: Evidence) -> Finding:
    return Finding("processes that ended by themselves", 0, len(of.processes), of.processes)


CHECKS: tuple[Callable[[Evidence], Finding], ...] = (
    acknowledged, one_reference, one_payment, one_decision, statuses, alerts_once, changes_numbered,
    decisions_published, alerts_published, published_in_order, orders, orders_linked, labels, events,
    poison_aside, only_poison_aside, state_is_true, nothing_left, calm_is_not_degraded, processes_live,
)  # fmt: skip


def _once(name: str, wanted: Iterable[str], held: Iterable[str]) -> Finding:
    """Each there once. More than was acknowledged cannot be: the shop sends until it is."""
    count, due = Counter(held), set(wanted)
    faults = [f"{one} is not there" for one in sorted(due - set(count))]
    faults += [f"{one} was never told" for one in sorted(set(count) - due)]
    faults += [f"{one} is there {times} times" for one, times in sorted(count.items()) if times > 1]
    return Finding(name, len(due), count.total(), faults)


def _published(name: str, wanted: set[str], found: set[str]) -> Finding:
    faults = [f"{one} was not published" for one in sorted(wanted - found)]
    faults += [f"{one} was published and is not in the database" for one in sorted(found - wanted)]
    return Finding(name, len(wanted), len(found), faults)
