"""Kafka → document store: preloaded behaviour through one real stream worker, and what each part of it costs.

`BENCH_EVENTS` (300,000), `BENCH_KAFKA` (embedded, or apache for one real broker), `BENCH_STORED` (1,000,000 events are
there before, as an empty table flatters). PostgreSQL, the broker and the worker share the machine; processor time is
told beside the rate, because it stays comparable while other work runs.
"""

from __future__ import annotations

import json
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from confluent_kafka import TopicPartition
from django.conf import settings
from django.db import connection

from apps.compliance.models import Tenant
from apps.customers.services.behaviour import behaviour_store
from apps.customers.services.behaviour_counts import behaviour_count
from apps.fraud.stream.behaviour import read_behaviour
from apps.fraud.stream.work import BEHAVIOUR, CARTS
from apps.payments.events import BehaviourEvent, encode
from benchmarks.bench_stream import WORKERS, Broker, _url, _wait, broker, stream_workers
from benchmarks.cpu import memory_mb, postmaster, seconds_of_all
from benchmarks.scratch import scratch_database
from kivendtout.lib.clock import now
from kivendtout.lib.kafka import ensure_topics
from kivendtout.lib.kafka_native import committed_of, make_native_producer

EVENTS = int(os.environ.get("BENCH_EVENTS", "300000"))
STORED = int(os.environ.get("BENCH_STORED", "1000000"))
NAME = "kivendtout_bench_behaviour"
BATCH = 5_000
SAMPLE = 100_000
KINDS = ("page_view", "product_view", "search", "add_to_cart", "view_cart", "checkout_start")
OF_CARTS = frozenset({"add_to_cart", "view_cart"})
PERIOD = timedelta(minutes=20)
# So that starting up is not counted as work: the clock runs from this many events on.
SETTLED = 20_000


@dataclass(frozen=True, slots=True)
class Sent:
    value: bytes


def run() -> dict[str, Any]:
    with scratch_database(NAME), broker() as kafka:
        settings.KAFKA_BOOTSTRAP_SERVERS = [kafka.address]
        tenant, _new = Tenant.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
        _fill(tenant.pk)
        parts = _parts(tenant.pk)
        ensure_topics()
        return {
            "events": EVENTS,
            "of_which_in_this_code": parts,
            "workers": {count: _one_run(kafka, count) for count in WORKERS},
            "count": _count(),
            "load_average": os.getloadavg()[0],
        }


def _one_run(kafka: Broker, workers: int) -> dict[str, Any]:
    produced = _produce()
    stored, before = _stored(), _read()
    with stream_workers(NAME, kafka, workers) as pids:
        ids = {"workers": pids, "postgresql": [postmaster(_url(NAME))], "broker": [kafka.pid]}
        _wait(lambda: _read() - before >= min(SETTLED, EVENTS // 4))
        first, began = _read() - before, time.perf_counter()
        spent = {name: seconds_of_all(some) for name, some in ids.items()}
        _wait(lambda: _read() - before >= EVENTS)
        seconds, done = time.perf_counter() - began, EVENTS - first
        spent = {name: seconds_of_all(some) - spent[name] for name, some in ids.items()}
        memory = [memory_mb(pid) for pid in pids]
    return {
        "stored_before": stored,
        "per_second": round(done / seconds),
        "cpu_us_an_event": {name: round(value / done * 1e6, 1) for name, value in spent.items()},
        "memory_mb": memory,
        "produced_per_second": produced,
    }


def _read() -> int:
    """Events stored and committed. Asked of Kafka: PostgreSQL's own counts come up to ten seconds late."""
    groups = {work.group: work.topics for work in (CARTS, BEHAVIOUR)}
    read = 0
    for group, topics in groups.items():
        places = [TopicPartition(topic, n) for topic in topics for n in range(settings.TOPICS[topic])]
        read += sum(max(offset, 0) for offset in committed_of(group, places).values())
    return read


def _events(count: int, start: datetime) -> Iterator[BehaviourEvent]:
    draw = random.Random(uuid.uuid4().int)
    for n in range(count):
        visitor = draw.randrange(50_000)
        kind = draw.choice(KINDS)
        yield BehaviourEvent(
            event_id=draw.randbytes(16).hex(),
            type=kind,
            at=start + PERIOD * n / count,
            customer_id=f"C{visitor:05}",
            session_id=f"S{visitor:05}{n // 100_000:03}",
            device="web_desktop",
            ip_hash=draw.randbytes(8).hex() if n % 4 == 0 else sha256(b"%d" % visitor).hexdigest()[:16],
            utm_source="affiliate",
            utm_campaign="black_friday",
            product_id=f"P{draw.randrange(2_000):04}" if kind in {"product_view", "add_to_cart"} else None,
            cart_value="101.90" if kind in OF_CARTS else None,
        )


def _fill(tenant_id: int) -> None:
    """Some days before, so that what is counted here is counted small."""
    missing = STORED - _stored()
    for n in range(0, max(missing, 0), BATCH):
        start = now() - timedelta(days=3) + PERIOD * (n // BATCH)
        behaviour_store(tenant_id=tenant_id, events=list(_events(BATCH, start)))
    if missing > 0:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE documents_events")


def _parts(tenant_id: int) -> dict[str, float]:
    """Processor time of this process an event, in µs; and of the server's process that works for it."""
    sent = [Sent(encode(event)) for event in _events(SAMPLE, now() - PERIOD)]
    batches = [sent[n : n + BATCH] for n in range(0, SAMPLE, BATCH)]
    backend = connection.connection.info.backend_pid
    told: dict[str, float] = {}

    def measure(name: str, work: Callable[[], list[Any]]) -> list[Any]:
        own, server = time.process_time(), seconds_of_all([backend])
        done = work()
        told[name] = round((time.process_time() - own) / SAMPLE * 1e6, 1)
        told[f"{name}_postgresql"] = round((seconds_of_all([backend]) - server) / SAMPLE * 1e6, 1)
        return done

    reads = measure("read", lambda: [read_behaviour(batch, now=now()) for batch in batches])
    assert not any(read.dead for read in reads)
    for name in ("store", "store_again"):
        measure(name, lambda: [behaviour_store(tenant_id=tenant_id, events=read.events) for read in reads])
    del told["read_postgresql"]
    return told


def _produce() -> int:
    producer = make_native_producer()
    messages = [
        ("cart-events" if event.type in OF_CARTS else "user-events", (event.customer_id or "").encode(), encode(event))
        for event in _events(EVENTS, now() - PERIOD)
    ]
    began = time.perf_counter()
    for n, (topic, key, value) in enumerate(messages):
        producer.produce(topic, key=key, value=value, headers=[("tenant", b"bench")])
        if n % BATCH == 0:
            producer.flush()
    producer.flush()
    return round(EVENTS / (time.perf_counter() - began))


def _count() -> dict[str, float]:
    began = time.perf_counter()
    done = behaviour_count(now=now() + timedelta(hours=2), seconds=60)
    seconds = time.perf_counter() - began
    return {"periods": done.periods, "seconds": round(seconds, 2)}


def _stored() -> int:
    """Rows ever inserted, as PostgreSQL's statistics say: a second behind, and free, where a count would be work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_get_tuples_inserted('documents_events'::regclass)")
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    print(json.dumps(run()))
