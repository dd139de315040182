"""Ordinary payments and ordinary weeks of work, to hide something odd in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from apps.fraud.engine.features.catalogue import FEATURES, INDEX
from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.anomaly.activity import Act
from apps.fraud.scorers.anomaly.payments import NAMES

MONDAY = datetime(2025, 11, 3, tzinfo=UTC)


def ordinary_payment(draw: random.Random) -> dict[str, Value]:
    country = draw.choices(("FR", "BE", "DE", "ES"), (85, 8, 5, 2))[0]
    mean = draw.lognormvariate(3.8, 0.4)
    amount = round(mean * draw.lognormvariate(0, 0.4), 2)
    tries = draw.choices((1, 2, 3), (90, 8, 2))[0]
    return {
        "amount": amount,
        "amount_eur": amount,
        "amount_ratio": round(amount / mean, 3),
        "currency": "EUR",
        "hour": min(23, max(6, round(draw.gauss(15, 3.5)))),
        "weekday": draw.randint(1, 7),
        "method": draw.choices(("card", "paypal", "transfer"), (80, 15, 5))[0],
        "failed": draw.random() < 0.03,
        "payment_country": country,
        "ip_country": country if draw.random() < 0.97 else "LU",
        "new_device": draw.random() < 0.05,
        "new_country": draw.random() < 0.01,
        "customer_attempts_1h": tries,
        "device_attempts_1h": tries,
        "device_customers_30d": draw.choices((1, 2), (97, 3))[0],
        "account_age_days": round(draw.uniform(20, 900), 1),
    }


def as_row(told: dict[str, Value]) -> list[Value]:
    """Whole, as decisions store it; what nobody told is missing."""
    row: list[Value] = [None] * len(FEATURES)
    for name, value in told.items():
        row[INDEX[name]] = value
    return row


def payments(count: int, *, seed: int = 7) -> list[dict[str, Value]]:
    draw = random.Random(seed)
    return [ordinary_payment(draw) for _ in range(count)]


def columns_of(payments: list[dict[str, Value]]) -> dict[str, list[Value]]:
    return {name: [one.get(name) for one in payments] for name in NAMES}


def weeks_of_work(people: range, *, days: int = 28, seed: int = 3, start: datetime = MONDAY) -> Iterator[Act]:
    """Each works nine to five on weekdays from a place of their own, and reveals a customer now and then."""
    draw = random.Random(seed)
    for day in range(days):
        if (start + timedelta(days=day)).isoweekday() > 5:
            continue
        for person in people:
            for hour in range(9, 17):
                at = start + timedelta(days=day, hours=hour)
                for minute in sorted(draw.sample(range(60), draw.randint(2, 9))):
                    yield an_act(at + timedelta(minutes=minute), person, what=draw.random(), record=draw.randrange(200))


def an_act(at: datetime, person: int, *, what: float, record: int, network: str = "") -> Act:
    done = "reveals" if what < 0.05 else "changes"
    return Act(at, f"user {person}", {"acts": 1, done: 1}, f"customer {record}", network or f"office of {person}")
