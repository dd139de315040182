"""How fast behavioural events are stored, found and rolled up in PostgreSQL, and what a repeat costs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.scratch import scratch_database
from kivendtout.lib.documents.postgres import PostgresDocuments

EVENTS = 100_000
CALL = 5_000
TENANT = 1
START = datetime(2025, 11, 1, tzinfo=UTC)
CUSTOMERS, SESSIONS = 10_000, 40_000
TYPES = ("page_view", "product_view", "add_to_cart", "checkout_start", "payment_attempt")


def _events(chance: random.Random, first: int, count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": chance.randbytes(16).hex(),
            "at": START + timedelta(milliseconds=40 * number),
            "type": chance.choice(TYPES),
            "customer_id": f"C{chance.randrange(CUSTOMERS):05}",
            "session_id": f"S{chance.randrange(SESSIONS):06}",
            "device": "web_desktop",
            "ip_hash": chance.randbytes(8).hex(),
            "utm_source": "direct",
            "utm_campaign": "none",
            "product_id": f"P{chance.randrange(500):04}",
            "cart_value": "101.90",
        }
        for number in range(first, first + count)
    ]


def _median_ms(call: Callable[[], object], times: int = 50) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return round(sorted(taken)[times // 2] * 1000, 2)


def _stored_per_second(store: PostgresDocuments, calls: list[list[dict[str, Any]]]) -> tuple[int, int]:
    start = time.perf_counter()
    inserted = sum(store.insert_many("events", TENANT, events).inserted for events in calls)
    return inserted, round(EVENTS / (time.perf_counter() - start))


def run() -> dict[str, Any]:
    chance = random.Random(20251101)  # the same events at each run
    calls = [_events(chance, first, CALL) for first in range(0, EVENTS, CALL)]
    store = PostgresDocuments()
    with scratch_database():
        store.expire(START + timedelta(days=3650))  # what an earlier run left
        inserted, per_second = _stored_per_second(store, calls)
        again, repeated_per_second = _stored_per_second(store, calls)
        end = START + timedelta(days=1)
        result = {
            "events": inserted,
            "stored_per_second": per_second,
            "repeats_stored": again,
            "repeats_per_second": repeated_per_second,
            "customer_page_ms": _median_ms(lambda: store.find("events", TENANT, filters={"customer_id": "C00042"})),
            "session_ms": _median_ms(lambda: store.find("events", TENANT, filters={"session_id": "S000042"})),
            "one_ms": _median_ms(lambda: store.get("events", TENANT, calls[0][0]["id"])),
            "roll_up_ms": _median_ms(
                lambda: store.count_by("events", TENANT, "type", since=START, until=end), times=10
            ),
        }
        start = time.perf_counter()
        expired = store.expire(START + timedelta(days=3650))["events"]
        result["expired_per_second"] = round(expired / (time.perf_counter() - start))
    return result
