"""Does a stream worker's memory stay flat? A steady rate (`BENCH_RATE` a second) for ten minutes (`BENCH_SOAK`)."""

from __future__ import annotations

import os
import random
import threading
import time
from typing import Any

from django.conf import settings

from apps.compliance.models import Tenant
from apps.fraud.services.rule_files import ruleset_install
from benchmarks.bench_score import RULESET, STATE_DATABASE, _warm
from benchmarks.bench_stream import STORED, _decisions, _made, _message, _wait, broker, stream_workers
from benchmarks.cpu import memory_mb
from benchmarks.scratch import CUSTOMERS, NAME, fill, scratch_database
from kivendtout.lib.clock import now
from kivendtout.lib.kafka import ensure_topics
from kivendtout.lib.kafka_native import make_native_producer
from kivendtout.lib.tenancy import tenant_scope

SECONDS = int(os.environ.get("BENCH_SOAK", "600"))
RATE = int(os.environ.get("BENCH_RATE", "1500"))
# Caches and pools fill first.
WARM_UP = min(60, SECONDS // 5)
SAMPLE = 10.0


def run() -> dict[str, Any]:
    settings.REDIS_URL = settings.REDIS_URL.rsplit("/", 1)[0] + f"/{STATE_DATABASE}"
    name = f"{NAME}_{STORED}"
    with scratch_database(name), broker() as kafka:
        settings.KAFKA_BOOTSTRAP_SERVERS = [kafka.address]
        fill(STORED)
        tenant = Tenant.objects.get(slug="bench")
        with tenant_scope(tenant.pk):
            ruleset_install(tenant=tenant, name=RULESET, now=now())
        _warm(tenant.pk)
        ensure_topics()
        before = _made()
        with stream_workers(name, kafka, 1) as [pid]:
            sending = threading.Thread(target=_send, daemon=True)
            sending.start()
            samples = _watch(pid, sending)
            _wait(lambda: _made() - before >= RATE * SECONDS, 120)
        warm = [mb for at, mb in samples if at >= WARM_UP]
        return {
            "payments": _decisions(before),
            "per_second": RATE,
            "seconds": SECONDS,
            "memory_mb": {"after_warm_up": warm[0], "least": min(warm), "most": max(warm), "at_the_end": warm[-1]},
            "each_minute_mb": [mb for _at, mb in samples[:: round(60 / SAMPLE)]],
        }


def _watch(pid: int, sending: threading.Thread) -> list[tuple[float, float]]:
    began, samples = time.monotonic(), []
    while sending.is_alive():
        samples.append((time.monotonic() - began, memory_mb(pid)))
        sending.join(SAMPLE)
    return samples


def _send() -> None:
    producer, draw, began = make_native_producer(), random.Random(5), time.monotonic()
    mark = f"{time.time_ns():x}"
    for n in range(RATE * SECONDS):
        if (wait := began + n / RATE - time.monotonic()) > 0.005:
            producer.poll(0)
            time.sleep(wait)
        key, value = _message(n, draw.randrange(CUSTOMERS) + 1, mark, now())
        producer.produce("payments", value, key, headers=[("tenant", b"bench")])
    producer.flush(30)
