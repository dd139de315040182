"""Batches that judge the same payments wait for each other in one order, whatever order they were told in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from apps.compliance.models import Tenant
from apps.fraud.events import LabelEvent
from apps.fraud.models import FraudLabel
from apps.fraud.services.labels import LabelResult, labels_record
from kivendtout.lib.tenancy import tenant_scope
from tests.factories import NOON
from tests.fraud.labels.conftest import NOW

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("outages")]
Verdict = Callable[..., LabelEvent]
FIRST, LATER = NOON + timedelta(days=4), NOON + timedelta(days=5)
WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"


@contextmanager
def beside(what: Callable[[], LabelResult]) -> Iterator[list[LabelResult]]:
    """Something done on a connection of its own, which waits for a lock of ours within the block."""
    done: list[LabelResult] = []

    def run() -> None:
        try:
            done.append(what())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    try:
        with transaction.atomic():
            yield done
            thread.start()
            _wait_until_it_waits()
            _others_are_free()
    finally:
        thread.join(30)


def _wait_until_it_waits() -> None:
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute(WAITS)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    pytest.fail("The batch waited for nobody.")


def _others_are_free() -> None:
    """What has the first label may have the others, too: who waits for the first holds none of them."""
    try:
        list(FraudLabel.objects.select_for_update(nowait=True))
    except DatabaseError as error:
        pytest.fail(f"The batch waits for one label and holds another: {error}")


@pytest.mark.parametrize("first_turns", [True, False])
def test_a_batch_that_waits_for_the_first_label_holds_no_other(
    in_tenant: Tenant, payments: list[str], verdict: Verdict, first_turns: bool
) -> None:
    judged: dict[str, Any] = {"tenant_id": in_tenant.pk, "now": NOW}
    labels_record(events=[verdict(payment, known_at=FIRST) for payment in payments], **judged)
    backwards = [verdict(payment, False, known_at=LATER) for payment in reversed(payments)]
    backwards[-1] = verdict(payments[0], not first_turns, known_at=LATER)
    with tenant_scope(in_tenant.pk), beside(lambda: labels_record(events=backwards, **judged)) as done:
        list(FraudLabel.objects.select_for_update().filter(payment__external_id=payments[0]))
    assert len(done[0].changed_at) == len(payments) - (not first_turns)
