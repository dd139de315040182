from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.core.management.base import CommandError

from kivendtout.lib.trace import trace_from_kafka
from tests.devservices.kafka_servers import Server
from tests.ingestion.dataset import write_dataset, write_events

pytestmark = pytest.mark.xdist_group("stream")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = write_dataset(tmp_path / "export")
    write_events(target)
    return target


@pytest.fixture
def own_broker(tmp_path: Path) -> Any:
    server = Server(tmp_path / "kafka").start()
    yield server
    server.stop()


def replay(folder: Path, *options: str) -> dict[str, Any]:
    out = StringIO()
    call_command("replay_dataset", str(folder), "--json", *options, verbosity=0, stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


def test_a_replay_sends_everything_and_says_so(folder: Path, own_broker: Server, settings: Any) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = [own_broker.bootstrap]

    report = replay(folder)

    assert report["topics"] == {"payments": 4, "orders": 1, "user-events": 2, "cart-events": 1}
    assert (report["messages"], report["failed"], report["passes"]) == (8, 0, 1)
    assert report["notes"]["payment events without a known payment"] == 1


def test_messages_carry_tenant_and_trace(folder: Path, own_broker: Server, settings: Any) -> None:
    from kafka import KafkaConsumer

    settings.KAFKA_BOOTSTRAP_SERVERS = [own_broker.bootstrap]
    replay(folder, "--tenant", "voisin")

    consumer = KafkaConsumer(
        "payments", bootstrap_servers=own_broker.bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=5_000
    )
    records = [record for _n, record in zip(range(4), consumer, strict=False)]
    consumer.close()
    assert {dict(record.headers)["tenant"] for record in records} == {b"voisin"}
    assert len({trace_from_kafka(record.headers) for record in records} - {None}) == 4
    assert {record.key for record in records} == {b"C1", b"C2"}


def test_a_limit_ends_a_loop(folder: Path, own_broker: Server, settings: Any) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS = [own_broker.bootstrap]

    report = replay(folder, "--loop", "--live", "--limit", "20")

    assert (report["messages"], report["passes"]) == (20, 3)


@pytest.mark.parametrize("option", [("--rate", "0"), ("--speed", "-1"), ("--limit", "0")])
def test_a_pace_that_makes_no_sense_is_a_sentence(folder: Path, option: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="takes a number above 0"):
        replay(folder, *option)


def _start(folder: Path, bootstrap: str, *options: str) -> subprocess.Popen[str]:
    environment = os.environ | {"KAFKA_BOOTSTRAP_SERVERS": bootstrap}
    return subprocess.Popen(
        [sys.executable, "manage.py", "replay_dataset", str(folder), "--json", *options],
        cwd=django_settings.BASE_DIR, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_sigterm_ends_a_replay_with_its_totals(folder: Path, own_broker: Server) -> None:
    running = _start(folder, own_broker.bootstrap, "--speed", "0.001", "--loop")
    assert running.stderr is not None
    while "Created topics" not in running.stderr.readline():
        assert running.poll() is None

    time.sleep(0.5)
    running.send_signal(signal.SIGTERM)
    out, _error = running.communicate(timeout=30)

    assert running.returncode == 0
    assert json.loads(out)["messages"] >= 1


def test_a_replay_waits_for_kafka_and_says_so(folder: Path, own_broker: Server) -> None:
    own_broker.stop()
    running = _start(folder, own_broker.bootstrap)
    assert running.stderr is not None
    while "Kafka does not answer" not in running.stderr.readline():
        assert running.poll() is None
    own_broker.start()

    out, _error = running.communicate(timeout=60)

    assert (running.returncode, json.loads(out)["messages"]) == (0, 8)
