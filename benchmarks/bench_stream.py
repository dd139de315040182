"""Kafka → decision → stored → committed: preloaded payments through one and two real stream workers.

`BENCH_MESSAGES` (200,000), `BENCH_WORKERS` ("1,2"), `BENCH_KAFKA` (embedded, or apache for one real broker),
`BENCH_PARTITIONS` (6). PostgreSQL, Redis, the broker and the workers share the machine; the processor time of each is
told beside the rate.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from kafka import KafkaAdminClient, KafkaProducer

from apps.compliance.models import Tenant
from apps.fraud.services.rule_files import ruleset_install
from apps.payments.events import PaymentEvent, encode
from benchmarks.bench_score import RULESET, STATE_DATABASE, _warm
from benchmarks.cpu import memory_mb, postmaster, seconds_of_all
from benchmarks.scratch import CUSTOMERS, NAME, fill, scratch_database
from kivendtout.env import BASE_DIR
from kivendtout.lib.clock import now
from kivendtout.lib.kafka import ensure_topics, make_producer
from kivendtout.lib.tenancy import tenant_scope

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "200000"))
WORKERS = [int(count) for count in os.environ.get("BENCH_WORKERS", "1,2").split(",")]
PARTITIONS = int(os.environ.get("BENCH_PARTITIONS", "6"))
KAFKA = os.environ.get("BENCH_KAFKA", "embedded")
STORED = int(os.environ.get("BENCH_PAYMENTS", "10000"))
GROUP = "kivendtout-stream"
# So that starting up is not counted as work: the clock runs from this many decisions on.
SETTLED = 5_000
GIVE_UP_SECONDS = 300


@dataclass
class Broker:
    address: str
    pid: int


def run() -> dict[str, Any]:
    settings.REDIS_URL = settings.REDIS_URL.rsplit("/", 1)[0] + f"/{STATE_DATABASE}"
    settings.TOPICS = dict(settings.TOPICS) | {"payments": PARTITIONS}
    name = NAME if STORED >= 1_000_000 else f"{NAME}_{STORED}"
    with scratch_database(name), broker() as kafka:
        settings.KAFKA_BOOTSTRAP_SERVERS = [kafka.address]
        fill(STORED)
        tenant = Tenant.objects.get(slug="bench")
        with tenant_scope(tenant.pk):
            ruleset_install(tenant=tenant, name=RULESET, now=now())
        _warm(tenant.pk)
        return {
            "messages": MESSAGES,
            "partitions": PARTITIONS,
            "broker": KAFKA,
            "stored_payments": STORED,
            "workers": {count: one_run(kafka, name, count) for count in WORKERS},
        }


def one_run(kafka: Broker, database: str, workers: int) -> dict[str, Any]:
    ensure_topics()
    produced = produce(MESSAGES)
    before = _made()
    parts = {"workers": [], "postgresql": [postmaster(_url(database))], "redis": [_redis_pid()], "broker": [kafka.pid]}
    with stream_workers(database, kafka, workers) as pids:
        parts["workers"] = pids
        _wait(lambda: _made() - before >= min(SETTLED, MESSAGES // 4))
        first, began = _made() - before, time.perf_counter()
        spent, wal = {name: seconds_of_all(ids) for name, ids in parts.items()}, _wal()
        start_mb = [memory_mb(pid) for pid in pids]
        _wait(lambda: _made() - before >= MESSAGES)
        seconds = time.perf_counter() - began
        decided, wal = MESSAGES - first, _wal() - wal
        spent = {name: seconds_of_all(ids) - spent[name] for name, ids in parts.items()}
        _wait(lambda: _committed() >= produced["sent_in_all"] and not _waiting_rows())
        end_mb = [memory_mb(pid) for pid in pids]
    if (found := _decisions(before)) != MESSAGES:
        raise RuntimeError(f"{MESSAGES} payments were sent, {found} were decided")
    return {
        "per_second": round(decided / seconds),
        "seconds": round(seconds, 1),
        "until_published_and_committed_seconds": round(time.perf_counter() - began, 1),
        "cpu_us_a_payment": {name: round(value / decided * 1e6, 1) for name, value in spent.items()},
        "wal_bytes_a_payment": round(wal / decided),
        "memory_mb_start_end": [start_mb, end_mb],
        "split_us_a_payment": _split(),
        "produced_per_second": produced["per_second"],
    }


_sent = 0


def produce(count: int) -> dict[str, Any]:
    """Customers spread as in life; each payment an attempt of its own, all within the last ten minutes."""
    global _sent
    draw, start, mark = random.Random(7), now() - timedelta(minutes=10), uuid.uuid4().hex[:8]
    producer: KafkaProducer = make_producer()
    at = (start + timedelta(milliseconds=n * 3) for n in range(count))
    messages = [_message(n, draw.randrange(CUSTOMERS) + 1, mark, moment) for n, moment in enumerate(at)]
    began = time.perf_counter()
    for key, value in messages:
        producer.send("payments", key=key, value=value, headers=[("tenant", b"bench")])
    producer.flush()
    seconds = time.perf_counter() - began
    producer.close()
    _sent += count
    return {"per_second": round(count / seconds), "sent_in_all": _sent}


def _message(n: int, customer: int, mark: str, at: Any) -> tuple[bytes, bytes]:
    event = PaymentEvent(
        payment_id=f"S-{mark.translate(str.maketrans('0123456789', 'ghijklmnop'))}-{n}",
        customer_id=f"C{customer}",
        event="payment_attempt",
        attempted_at=at,
        amount=f"{5 + customer % 200}.90",
        currency="EUR",
        method="card",
        card_bin="497010",
        last_four=f"{customer % 10_000:04d}",
        payment_country="FR",
        ip_hash=f"address-{customer}",
        device_id=f"dev_{customer}",
        device_kind="web_desktop",
        utm_source="seo",
    )
    return event.customer_id.encode(), encode(event)


@contextmanager
def broker() -> Iterator[Broker]:
    folder = Path(tempfile.mkdtemp(prefix="kvt-bench-kafka-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    module = "apache_kafka" if KAFKA == "apache" else "kafka_broker"
    command = [sys.executable, "-m", f"kivendtout.devservices.{module}", "--port", str(port), "--data", str(folder)]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(command, cwd=BASE_DIR, stdout=log, stderr=log, start_new_session=True)
    address = f"127.0.0.1:{port}"
    try:
        _wait(lambda: _answers(port), 240)
        yield Broker(address, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def stream_workers(database: str, kafka: Broker, count: int) -> Iterator[list[int]]:
    environment = os.environ | {
        "DATABASE_URL": _url(database),
        "DATABASE_OWNER_URL": _url(database),
        "REDIS_URL": settings.REDIS_URL,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.address,
        "LOG_LEVEL": "WARNING",
        "DEBUG": "false",
    }
    command = [
        sys.executable,
        "-m",
        "celery",
        "--quiet",
        "-A",
        "celery_worker",
        "worker",
        "-Q",
        "stream",
        "-P",
        "threads",
    ]
    command += ["--concurrency", "1", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    processes = [
        subprocess.Popen([*command, "-n", f"bench{n}@%h"], cwd=BASE_DIR, env=environment) for n in range(count)
    ]
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)


def _url(database: str) -> str:
    base = settings.DATABASES["default"]
    return f"postgres://{base['USER']}:{base['PASSWORD']}@{base['HOST']}:{base['PORT']}/{database}"


def _made() -> int:
    """Payments made so far, as their numbers go: counting rows would cost more than making them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM payments_paymentreference_id_seq")
        return int(cursor.fetchone()[0])


def _decisions(after: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM fraud_decision WHERE payment_id > %s AND source = 'stream'", [after])
        return int(cursor.fetchone()[0])


def _wal() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
        return int(cursor.fetchone()[0])


def _waiting_rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM fraud_outbox")
        return int(cursor.fetchone()[0])


def _committed() -> int:
    admin = KafkaAdminClient(bootstrap_servers=settings.KAFKA_BOOTSTRAP_SERVERS)
    try:
        offsets = admin.list_group_offsets(GROUP) if hasattr(admin, "list_group_offsets") else {}
        return sum(_offset(one) for place, one in _flat(offsets) if place.topic == "payments")
    finally:
        admin.close()


def _flat(offsets: Any) -> list[tuple[Any, Any]]:
    inner = offsets.get(GROUP, offsets) if isinstance(offsets, dict) else offsets
    return list(inner.items())


def _offset(one: Any) -> int:
    return max(int(getattr(one, "offset", one)), 0)


def _redis_pid() -> int:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        return int(client.info("server")["process_id"])


def _split() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT decided_at), "
            "avg(timings[1]), avg(timings[2]), avg(timings[3]), avg(timings[4]), avg(latency_us)"
            " FROM fraud_decision WHERE source = 'stream' AND decided_at > now() - interval '1 minute'"
        )
        count, batches, *steps, latency = cursor.fetchone()
    size = count / max(batches, 1)
    names = ("record", "state", "features", "rules")
    told = {name: round(float(value or 0) / max(size, 1), 1) for name, value in zip(names, steps, strict=True)}
    return {"payments_a_batch": round(size), "batch_ms": round(float(latency or 0) / 1000), **told}


def _wait(done: Any, seconds: float = GIVE_UP_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError("the stream did not get there; see the worker's lines above")
        time.sleep(0.25)


if __name__ == "__main__":
    print(json.dumps(run()))
