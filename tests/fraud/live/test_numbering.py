"""Changes of alerts get numbers in the order in which they became visible: consecutive, per tenant, once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction

from apps.compliance.models import Tenant
from apps.fraud.models import AlertChange, AlertChangeCounter, FraudAlert
from apps.fraud.selectors.alert_feed import alerts_number
from apps.fraud.services import alert_changes
from apps.fraud.services.alert_changes import alert_changes_forget, alert_changes_number
from kivendtout.lib.tenancy import across_tenants
from tests.admin.sql import statements
from tests.conftest import NOON
from tests.fraud.live.cast import make_alert, note

Elsewhere = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """Does something in another thread, on a connection of its own."""

    def do(what: Callable[[], Any]) -> Any:
        answers: list[Any] = []

        def run() -> None:
            try:
                answers.append(what())
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(30)
        return answers[0]

    yield do


@pytest.fixture
def alert(tenant: Tenant) -> FraudAlert:
    return make_alert(tenant)


def numbered() -> dict[int, list[int]]:
    return {tenant: [one.number for one in told] for tenant, told in alert_changes_number().items()}


@pytest.mark.django_db
class TestNumbers:
    def test_changes_are_numbered_one_after_the_other_per_tenant(
        self, tenant: Tenant, neighbour: Tenant, alert: FraudAlert
    ) -> None:
        theirs = make_alert(neighbour)
        note(tenant, alert)
        note(neighbour, theirs)
        note(tenant, alert, alert, change="status")
        assert numbered() == {tenant.pk: [1, 2, 3], neighbour.pk: [1]}
        note(neighbour, theirs)
        assert numbered() == {neighbour.pk: [2]}

    def test_they_say_what_happened_to_which_alert(self, tenant: Tenant, alert: FraudAlert) -> None:
        note(tenant, alert)
        note(tenant, alert, change="status")
        assert alert_changes_number()[tenant.pk] == [(1, alert.pk, "raised"), (2, alert.pk, "status")]

    def test_a_thousand_changes_are_noted_in_one_statement(self, tenant: Tenant, alert: FraudAlert) -> None:
        with statements() as sent:
            note(tenant, *[alert] * 1_000)
        assert len(sent) == 1
        assert numbered() == {tenant.pk: list(range(1, 1_001))}

    def test_nothing_to_number_costs_one_small_question(self, tenant: Tenant, alert: FraudAlert) -> None:
        note(tenant, alert)
        numbered()
        with statements() as sent:
            assert numbered() == {}
        assert len(sent) == 1

    def test_the_question_reads_the_index_of_what_waits(self, tenant: Tenant, alert: FraudAlert) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("EXPLAIN " + alert_changes.WAITING)
            assert "alert_change_unnumbered" in str(cursor.fetchall())

    def test_more_than_one_turn_takes_are_left_for_the_next(
        self, tenant: Tenant, alert: FraudAlert, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(alert_changes, "MOST_NUMBERED", 2)
        note(tenant, alert, alert, alert)
        assert [numbered(), numbered(), numbered()] == [{tenant.pk: [1, 2]}, {tenant.pk: [3]}, {}]

    def test_an_alert_of_another_tenant_cannot_be_noted(self, tenant: Tenant, neighbour: Tenant) -> None:
        from django.db import IntegrityError

        with pytest.raises(IntegrityError), transaction.atomic():
            note(tenant, make_alert(neighbour))

    def test_old_changes_are_forgotten_and_their_numbers_never_given_again(
        self, tenant: Tenant, alert: FraudAlert
    ) -> None:
        note(tenant, alert, alert)
        numbered()
        assert alert_changes_forget(now=NOON + timedelta(days=6)) == 0
        assert alert_changes_forget(now=NOON + timedelta(days=8)) == 2
        with across_tenants():
            assert not AlertChange.objects.exists()
        note(tenant, alert)
        assert numbered() == {tenant.pk: [3]}
        assert alerts_number(tenant.pk) == 3

    def test_what_was_never_told_is_not_forgotten(self, tenant: Tenant, alert: FraudAlert) -> None:
        note(tenant, alert)
        assert alert_changes_forget(now=NOON + timedelta(days=8)) == 0
        assert numbered() == {tenant.pk: [1]}


@pytest.mark.django_db(transaction=True)
class TestTogether:
    def test_a_change_that_is_not_committed_gets_no_number(
        self, tenant: Tenant, alert: FraudAlert, elsewhere: Elsewhere
    ) -> None:
        with transaction.atomic():
            note(tenant, alert)
            assert elsewhere(numbered) == {}
        assert elsewhere(numbered) == {tenant.pk: [1]}

    def test_one_that_is_committed_first_is_numbered_first(
        self, tenant: Tenant, alert: FraudAlert, elsewhere: Elsewhere
    ) -> None:
        with transaction.atomic():
            note(tenant, alert)
            elsewhere(lambda: note(tenant, alert, change="status"))
            assert elsewhere(alert_changes_number) == {tenant.pk: [(1, alert.pk, "status")]}
        assert alert_changes_number() == {tenant.pk: [(2, alert.pk, "raised")]}

    def test_whoever_finds_another_at_work_does_not_wait(
        self, tenant: Tenant, alert: FraudAlert, elsewhere: Elsewhere
    ) -> None:
        note(tenant, alert)
        with transaction.atomic():
            assert numbered() == {tenant.pk: [1]}
            assert elsewhere(numbered) == {}

    def test_a_numbering_that_is_rolled_back_leaves_no_hole(self, tenant: Tenant, alert: FraudAlert) -> None:
        note(tenant, alert)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            assert numbered() == {tenant.pk: [1]}
            raise ZeroDivisionError
        note(tenant, alert)
        assert numbered() == {tenant.pk: [1, 2]}
        with across_tenants():
            assert AlertChangeCounter.objects.get().last == 2
