"""The process itself: forked, told to end, with threads of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from apps.compliance.api_auth import key_memory
from apps.fraud.services import intake
from kivendtout.env import BASE_DIR
from tests.devservices.kafka_servers import free_port
from tests.fraud.api.conftest import Shop
from tests.fraud.outages.conftest import Score, nothing_is_half_written, rows
from tests.fraud.outages.servers import PostgresServer, RedisServer

pytestmark = [pytest.mark.xdist_group("outages")]


@pytest.mark.usefixtures("patient")
def test_a_forked_process_has_threads_of_its_own(shop: Shop, score: Score) -> None:
    assert score(shop, shop.payment()).status_code == 200  # the parent's threads run
    parents = intake._intake()
    payment = shop.payment()
    connection.close()  # a socket is nobody's to share
    child = os.fork()
    if child == 0:
        code = 1
        try:
            assert intake._intake.cache_info().currsize == 0
            parents.close()  # as its exit handler would: neither hangs nor stops anything
            code = 0 if score(shop, payment).status_code == 200 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(_end_of(child)) == 0
    assert intake._intake() is parents
    assert score(shop, shop.payment()).status_code == 200
    assert rows(shop, "fraud_decision") == 3


def _end_of(child: int) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError("the forked process did not end")


@pytest.mark.usefixtures("patient")
def test_two_first_requests_at_once_make_one_intake(shop: Shop, score: Score) -> None:
    key_memory.forget()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda payment: score(shop, payment), [shop.payment() for _n in range(16)]))
    assert {answer.status_code for answer in answers} == {200}
    named = [thread for thread in threading.enumerate() if thread.name.startswith("intake-")]
    assert len(named) == intake.THREADS


def test_closing_answers_those_who_wait(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    own, go = intake.Intake(), threading.Event()

    def hold(asks: Any, **_told: Any) -> list[intake.Answer]:
        go.wait(30)
        return [intake.Answer()] * len(asks)

    monkeypatch.setattr(intake, "decide_together", hold)
    monkeypatch.setattr(intake, "DEADLINE", 60.0)
    asked = intake.Ask(tenant_id=shop.tenant.pk, event=None)  # type: ignore[arg-type]  # never looked at here
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(own.score, asked) for _n in range(8)]
        while not own.waiting or not own.busy_since:
            time.sleep(0.01)
        ending = threading.Thread(target=own.close)
        ending.start()
        go.set()
        assert all(one.result(30) == intake.Answer() for one in waiting)
        ending.join(30)
    assert not any(thread.is_alive() for thread in own.threads)
    with pytest.raises(intake.DatabaseAway):
        own.score(asked)


@pytest.fixture
def web(postgres: PostgresServer, own_redis: RedisServer) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    told = os.environ | {
        "DATABASE_URL": postgres.url,
        "REDIS_URL": own_redis.url,
        "DEBUG": "true",
        "KEYRING_FILE": str(settings.KEYRING_FILE),
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", "8", "--no-ws", "kivendtout.wsgi:application"]
    process = subprocess.Popen(
        command, cwd=BASE_DIR, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process, port
    finally:
        process.kill() if process.poll() is None else None
        process.wait(30)


def post(port: int, shop: Shop, payment: dict[str, Any]) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/score",
        json.dumps(payment).encode(),
        {"Content-Type": "application/json", **shop.headers()},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def answers(port: int, shop: Shop) -> bool:
    try:
        return post(port, shop, shop.payment()) == 200
    except OSError:
        return False


def test_sigterm_lets_waiting_requests_finish(
    shop: Shop, postgres: PostgresServer, web: tuple[subprocess.Popen[bytes], int]
) -> None:
    process, port = web
    deadline = time.monotonic() + 60
    while not answers(port, shop):
        assert process.poll() is None and time.monotonic() < deadline, "granian did not start"
        time.sleep(0.2)
    before = rows(shop, "fraud_decision")
    with ThreadPoolExecutor(4) as pool:
        with postgres.connect() as other, other.transaction():
            other.execute("LOCK TABLE fraud_outbox IN ACCESS EXCLUSIVE MODE")  # they stand in their transactions
            waiting = [pool.submit(post, port, shop, shop.payment()) for _n in range(4)]
            while not other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                assert not any(one.done() for one in waiting)
                time.sleep(0.005)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
        statuses = [one.result(30) for one in waiting]
    assert process.wait(30) == 0
    # Each was answered, none cut off; on a machine that is very busy an answer may be "try again".
    assert set(statuses) <= {200, 503}
    assert rows(shop, "fraud_decision") >= before + statuses.count(200)
    nothing_is_half_written(shop)
