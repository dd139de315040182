"""Two senders tell the same at the same moment: on real PostgreSQL, each in a session and a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from time import monotonic, sleep
from typing import Any

import msgspec
import pytest
from django.db import connection, transaction

from apps.compliance.models import Tenant
from apps.payments.models import Payment, PaymentStateChange
from apps.payments.services.partitions import payment_partitions_ensure
from apps.payments.services.recording import RecordResult, payments_record
from kivendtout.lib.tenancy import tenant_scope
from tests.factories import make_customer
from tests.fraud.scoring.events import NOON, an_event

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def tell(tenant: Tenant, *events: Any) -> RecordResult:
    with tenant_scope(tenant.pk):
        return payments_record(
            tenant_id=tenant.pk, events=events, source="test", now=NOON + timedelta(hours=1), traces=[""] * len(events)
        )


@contextmanager
def held_up(work: Callable[[], Any]) -> Iterator[list[Future[Any]]]:
    """Commits the block only once `work`, in another session, waits for what the block holds."""

    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    running: list[Future[Any]] = []
    with ThreadPoolExecutor(1) as pool, transaction.atomic(), connection.cursor() as cursor:
        yield running
        running.append(pool.submit(run))
        ends = monotonic() + 20
        while not running[0].done() and monotonic() < ends:
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                break
            sleep(0.01)


def two_pending(tenant: Tenant) -> tuple[list[Any], list[Any]]:
    """Their attempts are recorded; what is returned are their results, in one order and in the other."""
    customer = make_customer(tenant)
    attempts = [an_event(customer) for _ in range(2)]
    tell(tenant, *attempts)
    results = [an_event(customer, payment_id=one.payment_id, event="payment_success") for one in attempts]
    return results, results[::-1]


def test_results_told_twice_at_once_move_each_payment_once_and_refuse_nobody(in_tenant: Tenant) -> None:
    one_order, other_order = two_pending(in_tenant)
    with held_up(lambda: tell(in_tenant, *other_order)) as running:
        first = tell(in_tenant, *one_order)
    told = running[0].result()
    assert len(first.changed) == 2
    assert (told.changed, told.rejected, len(told.known)) == ([], [], 2)
    assert PaymentStateChange.objects.count() == 2
    assert {one.status_id for one in Payment.objects.all()} == {"success"}


def test_of_two_contradicting_results_at_once_the_second_is_refused_in_a_sentence(in_tenant: Tenant) -> None:
    good, _other = two_pending(in_tenant)
    bad = msgspec.structs.replace(good[1], event="payment_failed")
    with held_up(lambda: tell(in_tenant, bad)) as running:
        tell(in_tenant, *good)
    assert [reason for _id, reason in running[0].result().rejected] == [
        f"payment_id {bad.payment_id} is success already and cannot become failed."
    ]


def test_results_of_the_same_payments_in_opposite_order_do_not_deadlock(in_tenant: Tenant) -> None:
    one_order, other_order = two_pending(in_tenant)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(_tell_and_leave, in_tenant, order) for order in (one_order, other_order)]
    assert sum(len(one.result().changed) for one in both) == 2


def _tell_and_leave(tenant: Tenant, events: list[Any]) -> RecordResult:
    try:
        return tell(tenant, *events)
    finally:
        connection.close()


def test_a_month_made_by_two_sessions_at_once_is_made_once(db: None) -> None:
    month = date(2061, 7, 1)
    with held_up(lambda: payment_partitions_ensure(first=month, last=month)) as running:
        assert payment_partitions_ensure(first=month, last=month) == ["payments_payment_2061_07"]
    assert running[0].result() == []
