"""Feature state in Redis: memory for a million active customers, how fast it learns a history, how fast it answers."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import redis
from django.conf import settings

from apps.fraud.state.redis_state import RedisState
from benchmarks.bench_score import STATE_DATABASE
from benchmarks.worlds import CUSTOMERS, payments

HISTORY, ASKED = 100_000, 5_000
TENANT = 1


def run() -> dict[str, Any]:
    client = redis.Redis.from_url(settings.REDIS_URL.rsplit("/", 1)[0] + f"/{STATE_DATABASE}")
    client.flushdb()
    state, told = RedisState(client), list(payments(HISTORY + ASKED, days=90))
    before, began = _memory(client), perf_counter()
    for start in range(0, HISTORY, 5_000):
        chunk = told[start : start + 5_000]
        state.remember(TENANT, chunk, now=chunk[-1].at)
    learnt = perf_counter() - began
    held = _memory(client) - before
    began = perf_counter()
    for start in range(HISTORY, HISTORY + ASKED, 500):
        chunk = told[start : start + 500]
        state.observe(TENANT, chunk, now=chunk[-1].at)
    asked = perf_counter() - began
    client.flushdb()
    return {
        "customers": CUSTOMERS,
        "payments_of_90_days": HISTORY,
        "remembered_per_second": round(HISTORY / learnt),
        "observed_per_second": round(ASKED / asked),
        "bytes_a_customer": round(held / CUSTOMERS),
        "gb_for_a_million_customers": round(held / CUSTOMERS * 1_000_000 / 2**30, 2),
        "counted": "a customer's own log, their device's, card's and share of an address's, with 20 payments each",
    }


def _memory(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])
