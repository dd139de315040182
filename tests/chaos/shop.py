"""What the shop tells, message by message, the same for the same seed; and what each message should come to."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal

from tests.chaos.world import MERCHANTS, PRODUCTS, TENANT

Kind = Literal["payment", "order", "event", "label", "poison"]
# Messages of a visit, about: pages, a cart, an attempt, its result, an order.
VISIT = 5.3
LATE, EARLY_RESULT, REPEATED, POISON, FAILED, UNRESOLVED, JUDGED = 0.03, 0.02, 0.03, 0.02, 0.12, 0.05, 0.1


@dataclass(frozen=True, slots=True)
class Planned:
    topic: str
    key: bytes
    value: bytes
    kind: Kind
    id: str
    says: str = ""
    """Of a payment: pending, success or failed. Of an order: its payment. Of a label: fraud or genuine."""
    tenant: bytes | None = TENANT.encode()


def plan(
    *, seed: int, rate: float, customers: int, begin: datetime, more: Callable[[], bool]
) -> Iterator[tuple[float, Planned]]:
    """Seconds since `begin`, and the message that is due then. When there is no more, the visits begun are ended."""
    random, order = Random(seed), itertools.count()
    due: list[tuple[float, int, Planned]] = []
    for number in itertools.count():
        at = number * VISIT / rate
        while due and due[0][0] <= at:
            when, _n, message = heapq.heappop(due)
            yield when, message
        if not more():
            break
        for delay, message in _visit(random, number, customers, begin + timedelta(seconds=at)):
            heapq.heappush(due, (at + delay, next(order), message))
            if random.random() < REPEATED:
                heapq.heappush(due, (at + delay + random.uniform(0, 20), next(order), message))
    yield from ((when, message) for when, _n, message in sorted(due))


def _visit(random: Random, number: int, customers: int, now: datetime) -> Iterator[tuple[float, Planned]]:
    customer = random.randrange(customers)
    name, session = f"C{customer:05d}", f"S{number:07d}"
    at = now
    if random.random() < LATE:  # told long after it happened
        at -= timedelta(seconds=random.uniform(60, 3 * 86_400))
    elif random.random() < LATE:  # by a clock that runs ahead
        at += timedelta(seconds=random.uniform(1, 600))
    seen = {"at": _moment(at), "customer_id": name, "session_id": session}
    yield 0.0, _event("user-events", f"E{number:07d}a", name, {**seen, "type": "page_view"})
    yield 0.2, _event("cart-events", f"E{number:07d}b", name, {**seen, "type": "add_to_cart", "product_id": "P0001"})
    yield from _payment(random, number, customer, at, session)
    if random.random() < POISON:
        yield 0.5, _poison(random, number, name, at)


def _payment(random: Random, number: int, customer: int, at: datetime, session: str) -> Iterator[tuple[float, Planned]]:
    name, payment = f"C{customer:05d}", f"PAY{number:07d}"
    told = {
        "payment_id": payment, "customer_id": name, "attempted_at": _moment(at + timedelta(seconds=0.5)),
        "amount": f"{random.choice((9, 25, 60, 140, 900)) + random.randrange(100) / 100:.2f}", "method": "card",
        "card_bin": "497010", "last_four": "1234", "card_fingerprint": f"card-{customer}-{random.randrange(2)}",
        "device_id": f"device-{random.choice((customer, customer, customer // 3))}", "device_kind": "web_desktop",
        "ip_hash": f"address-{customer}-{random.randrange(4)}", "payment_country": random.choice(("FR", "FR", "DE")),
        "merchant_id": f"M{random.randrange(MERCHANTS):03d}", "session_id": session,
    }  # fmt: skip
    result = "failed" if random.random() < FAILED else "success"
    attempt = _json("payments", name, {**told, "event": "payment_attempt"}, "payment", payment, "pending")
    after = _json("payments", name, {**told, "event": f"payment_{result}"}, "payment", payment, result)
    first, second = (1.5, 0.5) if random.random() < EARLY_RESULT else (0.5, random.uniform(1.0, 4.0))
    yield first, attempt
    if random.random() < UNRESOLVED:  # nobody ever tells what became of it
        return
    yield second, after
    if random.random() < JUDGED:
        yield second + 1.0, _label(random, name, payment, at)
    if result == "success":
        yield second + 0.5, _order(random, number, name, payment, at, session)


def _order(random: Random, number: int, name: str, payment: str, at: datetime, session: str) -> Planned:
    lines = [
        {"product_id": f"P{random.randrange(PRODUCTS):04d}", "quantity": 1} for _n in range(random.randrange(1, 4))
    ]
    told = {
        "order_id": f"O{number:07d}", "customer_id": name, "placed_at": _moment(at), "total": "42.50", "status": "paid",
        "session_id": session, "payment_id": payment, "items": lines,
    }  # fmt: skip
    return _json("orders", name, told, "order", f"O{number:07d}", payment)


def _label(random: Random, name: str, payment: str, at: datetime) -> Planned:
    """Of a payment judged once: two verdicts of one source are told apart by time, which is not what is tried here."""
    is_fraud = random.random() < 0.5
    told = {
        "label_id": f"L-{payment}", "payment_id": payment, "customer_id": name, "is_fraud": is_fraud,
        "source": "chargeback", "known_at": _moment(at + timedelta(minutes=1)),
    }  # fmt: skip
    return _json("labels", name, told, "label", payment, "fraud" if is_fraud else "genuine")


def _event(topic: str, event: str, name: str, told: dict[str, Any]) -> Planned:
    return _json(topic, name, {"event_id": event, **told}, "event", event)


def _poison(random: Random, number: int, name: str, at: datetime) -> Planned:
    """Each names itself, so that it is known again among the dead letters."""
    mark = f"poison-{number:07d}"
    payment: dict[str, Any] = {
        "payment_id": mark, "customer_id": name, "event": "payment_attempt", "attempted_at": _moment(at),
        "amount": "10.00", "method": "card",
    }  # fmt: skip
    order: dict[str, Any] = {
        "order_id": mark,
        "customer_id": name,
        "placed_at": _moment(at),
        "total": "1.00",
        "status": "paid",
    }
    event: dict[str, Any] = {"event_id": mark, "type": "page_view", "at": _moment(at)}
    poisons: list[tuple[str, Any]] = [
        ("payments", b"not json, " + mark.encode()),
        ("payments", b"\xff\xfe" + mark.encode()),
        ("payments", {**payment, "customer_id": "C-nobody"}),
        ("payments", {**payment, "merchant_id": "M-none"}),
        ("payments", {**payment, "schema_version": 99}),
        ("payments", {**payment, "amount": "-1.00"}),
        ("payments", {**payment, "utm_source": "4111111111111111"}),
        ("payments", {**payment, "attempted_at": "2199-01-01T00:00:00Z"}),
        ("payments", {**payment, "utm_campaign": "x" * 220_000}),
        ("orders", {**order, "items": [{"product_id": "P-none", "quantity": 1}]}),
        ("orders", {**order, "customer_id": "C-nobody"}),
        ("user-events", {**event, "type": "Not A Type"}),
        ("cart-events", {**event, "at": "yesterday"}),
        ("user-events", None),
    ]  # fmt: skip
    topic, value = random.choice(poisons)
    if value is None:
        return Planned("user-events", name.encode(), json.dumps(event).encode(), "poison", mark, tenant=None)
    if isinstance(value, bytes):
        return Planned(topic, name.encode(), value, "poison", mark)
    return _json(topic, name, value, "poison", mark)


def _json(topic: str, name: str, told: dict[str, Any], kind: Kind, identity: str, says: str = "") -> Planned:
    return Planned(topic, name.encode(), json.dumps(told).encode(), kind, identity, says)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
