"""PostgreSQL refuses, hangs, dies in the middle: 503 soon, nothing half-written, no queue, and it goes on after."""

from __future__ import annotations

import threading
import time
from typing import Any

import msgspec
import pytest
from django.db import OperationalError, connection

from apps.compliance import api_auth
from apps.fraud.api.views import SCORE_SECONDS
from apps.fraud.engine.features.catalogue import INDEX
from apps.fraud.services import intake, scoring
from apps.fraud.services.decisions_store import decisions_insert
from apps.fraud.services.intake import Ask, Intake
from apps.fraud.services.intake_batch import Answer, batch_decide
from apps.fraud.state.live_state import live_state
from apps.payments.events import PaymentEvent
from kivendtout.lib.clock import now
from kivendtout.lib.deadline import answer_within
from kivendtout.lib.errors import KvtError
from tests.fraud.api.conftest import Shop
from tests.fraud.outages.conftest import Score, nothing_is_half_written, rows, together
from tests.fraud.outages.conftest import _forget as forget_everything
from tests.fraud.outages.servers import PostgresServer

pytestmark = [pytest.mark.xdist_group("outages")]
# Far above the deadline and far below what any of the waits would take without it: the machine may be busy.
SOON = SCORE_SECONDS + 1.5


def is_told_to_come_back(answer: Any) -> bool:
    told = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    return answer.status_code == told["status"] == 503


def an_ask(shop: Shop, **fields: Any) -> Ask:
    told = shop.payment(**fields)
    event = PaymentEvent(
        payment_id=told["payment_id"], customer_id=told["customer_id"], event="payment_attempt",
        attempted_at=now(), amount=told["amount"], method="card",
    )  # fmt: skip
    return Ask(tenant_id=shop.tenant.pk, event=event)


def backends(postgres: PostgresServer) -> int:
    with postgres.connect() as admin:
        row = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'outage' AND pid <> pg_backend_pid()"
        ).fetchone()
        assert row is not None
        return int(row[0])


def until(done: Any, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def test_a_postgresql_that_refuses_gives_503_and_everything_works_when_it_is_back(
    shop: Shop, postgres: PostgresServer, score: Score
) -> None:
    payment = shop.payment()
    assert score(shop, shop.payment()).status_code == 200
    with postgres.killed():
        for _n in range(20):
            assert is_told_to_come_back(score(shop, payment, idempotency_key="order-17"))

    until(lambda: score(shop, payment, idempotency_key="order-17").status_code == 200)
    assert rows(shop, "fraud_decision") == 2
    assert rows(shop, "fraud_idempotencyrecord") == 1
    nothing_is_half_written(shop)


def test_a_postgresql_that_hangs_gives_503_within_the_deadline_and_at_once_from_then_on(
    shop: Shop, postgres: PostgresServer, score: Score
) -> None:
    assert score(shop, shop.payment()).status_code == 200
    threads = threading.active_count()
    sent = [shop.payment() for _n in range(60)]
    with postgres.frozen():
        began = time.monotonic()
        assert is_told_to_come_back(score(shop, sent[0]))
        assert time.monotonic() - began < SOON
        until(lambda: time.monotonic() - began > api_auth.WAIT_SECONDS + api_auth.FRESH_SECONDS)
        score(shop, sent[1])  # whoever comes now asks for the key, and waits for it
        began = time.monotonic()
        answers = together(lambda payment: score(shop, payment), sent[2:], workers=4)
        assert all(map(is_told_to_come_back, answers))
        # One after the other in four hands, each with a wait of half a second, they would have taken seven.
        assert time.monotonic() - began < 4.0
        assert len(intake._intake().waiting) < len(sent)
    until(lambda: score(shop, sent[0]).status_code == 200)

    assert all(answer.status_code == 200 for answer in together(lambda payment: score(shop, payment), sent, workers=4))
    assert rows(shop, "fraud_decision") == len(sent) + 1
    nothing_is_half_written(shop)
    assert threading.active_count() <= threads


def test_who_comes_while_every_thread_is_stuck_is_refused_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    go, own = threading.Event(), Intake()

    def hang(asks: Any, **_told: Any) -> Any:
        go.wait(30)
        return [Answer()] * len(asks)

    monkeypatch.setattr(intake, "decide_together", hang)
    monkeypatch.setattr(intake, "DEADLINE", 0.05)
    try:
        for _thread in range(intake.THREADS):
            with pytest.raises(intake.DatabaseAway):
                own.score(an_ask(shop))
        until(own._is_stuck)
        for _n in range(50):
            with pytest.raises(intake.DatabaseAway):
                own.score(an_ask(shop))
        assert len(own.waiting) == 0  # none of them was taken in
    finally:
        go.set()
        own.close()


def test_the_queue_has_an_end(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    go, own = threading.Event(), Intake()
    monkeypatch.setattr(intake, "decide_together", lambda asks, **_told: (go.wait(30), [Answer()] * len(asks))[1])
    monkeypatch.setattr(intake, "MOST_WAITING", 5)
    try:
        with_answer = [threading.Thread(target=lambda: own.score(an_ask(shop))) for _n in range(intake.THREADS)]
        for thread in with_answer:
            thread.start()
            until(lambda: not own.waiting)
        waiting = [threading.Thread(target=lambda: own.score(an_ask(shop))) for _n in range(5)]
        for thread in waiting:
            thread.start()
        until(lambda: len(own.waiting) == 5)
        with pytest.raises(intake.DatabaseAway):
            own.score(an_ask(shop))
        assert len(own.waiting) == 5
    finally:
        go.set()
        own.close()
    for thread in with_answer + waiting:
        thread.join(10)
        assert not thread.is_alive()


def test_a_request_that_timed_out_but_was_recorded_is_found_by_its_repetition(
    shop: Shop, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, go, done = shop.payment(), threading.Event(), threading.Event()

    def slow(*asks: Any, **told: Any) -> Any:
        go.wait(30)
        try:
            return batch_decide(*asks, **told)
        finally:
            done.set()

    with monkeypatch.context() as patched:
        patched.setattr(intake, "batch_decide", slow)
        patched.setattr(intake, "DEADLINE", 0.1)
        patched.setattr(intake, "BATCH_SECONDS", 60.0)
        assert is_told_to_come_back(score(shop, payment, idempotency_key="order-17"))
        go.set()
        assert done.wait(30)

    again = score(shop, payment, idempotency_key="order-17")
    assert again.status_code == 200
    assert again.headers["Idempotency-Replayed"] == "true"
    assert rows(shop, "fraud_decision") == 1
    assert score(shop, payment).json()["decision_id"] == again.json()["decision_id"]


@pytest.mark.usefixtures("patient")
def test_a_postgresql_that_dies_in_the_middle_leaves_no_trace_and_the_repetition_is_counted_once(
    shop: Shop, postgres: PostgresServer, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, payment = decisions_insert, shop.payment()
    deaths: list[int] = []

    def die_first(**given: Any) -> Any:
        if not deaths:
            with connection.cursor() as cursor, postgres.connect() as admin:
                cursor.execute("SELECT pg_backend_pid()")
                deaths.extend(cursor.fetchone())
                admin.execute("SELECT pg_terminate_backend(%s)", deaths)
        return insert(**given)

    monkeypatch.setattr(scoring, "decisions_insert", die_first)
    assert is_told_to_come_back(score(shop, payment, idempotency_key="order-17"))
    for table in ("payments_paymentreference", "fraud_decision", "fraud_outbox", "fraud_idempotencyrecord"):
        assert rows(shop, table) == 0, table
    assert list(live_state().state.client.scan_iter(b"c*"))  # state was told, and keeps what it was told

    assert score(shop, payment, idempotency_key="order-17").status_code == 200
    assert rows(shop, "fraud_decision") == 1
    nothing_is_half_written(shop)
    with connection.cursor() as cursor:
        cursor.execute("SELECT features FROM fraud_decision WHERE tenant_id = %s", [shop.tenant.pk])
        row = msgspec.msgpack.decode(bytes(cursor.fetchone()[0]))
    assert row[INDEX["customer_attempts_10m"]] == 1


@pytest.mark.usefixtures("patient")
def test_one_payment_that_cannot_be_stored_does_not_hold_up_its_neighbours(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = [an_ask(shop) for _n in range(5)]
    poison = asks[2].event.payment_id

    def refuse(asks: Any, **told: Any) -> Any:
        if any(ask.event.payment_id == poison for ask in asks):
            raise ValueError("what no check foresaw")
        return batch_decide(asks, **told)

    monkeypatch.setattr(intake, "batch_decide", refuse)
    answers = intake.score_many(asks)
    assert [answer.error is None for answer in answers] == [True, True, False, True, True]
    assert isinstance(answers[2].error, intake.NotDecided)
    assert rows(shop, "fraud_decision") == 4


@pytest.mark.usefixtures("patient")
def test_three_hundred_at_once_are_all_answered_once_and_leave_no_thread_or_connection(
    shop: Shop, postgres: PostgresServer, score: Score
) -> None:
    score(shop, shop.payment())
    threads, open_before = threading.active_count(), backends(postgres)
    payments = [shop.payment() for _n in range(300)]
    answers = together(lambda payment: score(shop, payment), payments, workers=300)
    assert {answer.status_code for answer in answers} == {200}
    assert rows(shop, "fraud_decision") == 301
    nothing_is_half_written(shop)
    assert threading.active_count() <= threads + 1  # the second of the intake's threads may have begun to work
    assert backends(postgres) <= open_before + intake.THREADS + 1


def test_failures_leave_no_connection_behind(shop: Shop, postgres: PostgresServer, score: Score) -> None:
    score(shop, shop.payment())
    for _n in range(4):
        with postgres.connect() as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = 'outage' AND pid <> pg_backend_pid()"
            )
        until(lambda: score(shop, shop.payment()).status_code == 200)
    # The intake's, the key reader's, this test's.
    assert backends(postgres) <= intake.THREADS + 2


def test_a_process_that_never_saw_the_lists_says_503_instead_of_guessing(shop: Shop, postgres: PostgresServer) -> None:
    ask = an_ask(shop)
    intake._intake().close()
    forget_everything()
    with postgres.killed(), pytest.raises(KvtError) as refused:
        intake.score(ask)
    assert refused.value.status == 503


def test_a_statement_ends_at_the_deadline_and_the_server_is_told(shop: Shop, postgres: PostgresServer) -> None:
    with pytest.raises(OperationalError), answer_within(0.2), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(60)")
    connection.close_if_unusable_or_obsolete()

    def sleeping() -> bool:
        with postgres.connect() as admin:
            found = admin.execute("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'")
            return found.fetchone() is not None

    until(lambda: not sleeping())
    with answer_within(30), connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_a_statement_to_a_server_that_hangs_ends_at_the_deadline(shop: Shop, postgres: PostgresServer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    began = time.monotonic()
    with postgres.frozen(), pytest.raises(OperationalError), answer_within(0.2), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert time.monotonic() - began < 10
    connection.close_if_unusable_or_obsolete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
