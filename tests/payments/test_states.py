from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from apps.compliance.models import Tenant, User
from apps.payments.models import Payment, PaymentStateChange
from apps.payments.services.states import TransitionRefused, payment_change_status, payment_move
from apps.payments.states import STATUSES, TRANSITIONS
from kivendtout.env import env_database
from kivendtout.lib.errors import InvalidInput, NotAllowed
from tests.factories import make_customer, make_payment

NOW = datetime(2025, 12, 2, 9, 30, tzinfo=UTC)


def test_an_allowed_change_moves_the_payment_and_leaves_a_trace(payment: Payment, analyst: User) -> None:
    payment_change_status(payment=payment, to_status="success", reason="Bank confirmed", actor=analyst, now=NOW)
    change = PaymentStateChange.objects.get(payment_id=payment.pk)
    assert payment.status_id == Payment.objects.get(pk=payment.pk).status_id == "success"
    assert (change.from_status_id, change.to_status_id, change.actor) == ("pending", "success", analyst.email)
    assert (change.reason, change.changed_at) == ("Bank confirmed", NOW)


@pytest.mark.parametrize(
    ("start", "target"),
    [(a.code, b.code) for a in STATUSES for b in STATUSES if a.is_initial and (a.code, b.code) not in TRANSITIONS],
)
def test_the_service_refuses_every_change_that_the_table_does_not_hold(
    in_tenant: Tenant, start: str, target: str
) -> None:
    payment = make_payment(in_tenant, status=start)
    with pytest.raises(TransitionRefused, match="cannot become"):
        payment_move(payment=payment, to_status=target, reason="because", actor="test", now=NOW)
    assert not PaymentStateChange.objects.exists()


def test_the_database_refuses_a_transition_that_the_table_does_not_hold(payment: Payment) -> None:
    with pytest.raises(IntegrityError, match="state_change_is_allowed"), transaction.atomic():
        PaymentStateChange.objects.create(
            payment_id=payment.pk,
            from_status_id="pending",
            to_status_id="charged_back",
            actor="x",
            reason="y",
            changed_at=NOW,
        )


def test_the_database_refuses_a_change_from_a_status_the_payment_is_not_in(payment: Payment) -> None:
    with pytest.raises(IntegrityError, match="is not in status"), transaction.atomic():
        PaymentStateChange.objects.create(
            payment_id=payment.pk,
            from_status_id="success",
            to_status_id="refunded",
            actor="x",
            reason="y",
            changed_at=NOW,
        )


def test_the_database_refuses_a_status_written_by_hand(payment: Payment) -> None:
    with pytest.raises(IntegrityError, match="changes only by a state change"), transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(status_id="success")


def test_the_database_refuses_a_payment_born_in_a_later_status(in_tenant: Tenant) -> None:
    with pytest.raises(IntegrityError, match="cannot be recorded in status"), transaction.atomic():
        make_payment(in_tenant, status="refunded")


def test_the_database_refuses_to_move_a_payment_to_another_time_or_tenant(payment: Payment, neighbour: Tenant) -> None:
    for change in ({"attempted_at": NOW}, {"tenant_id": neighbour.pk}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Payment.objects.filter(pk=payment.pk).update(**change)


@pytest.mark.parametrize("change", [{"amount": 1}, {"currency_id": "USD"}, {"recorded_by": "somebody else"}])
def test_what_was_recorded_of_a_payment_does_not_change(payment: Payment, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(**change)


@pytest.mark.django_db(transaction=True)
def test_the_applications_role_deletes_no_payment(payment: Payment) -> None:
    application = env_database("DATABASE_URL")
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT SELECT, DELETE ON payments_payment TO {application['USER']}")
    with (
        psycopg.connect(
            host=application["HOST"],
            port=application["PORT"],
            user=application["USER"],
            password=application["PASSWORD"],
            dbname=connection.settings_dict["NAME"],
        ) as session,
        pytest.raises(psycopg.errors.CheckViolation, match="it is not deleted"),
    ):
        session.execute("DELETE FROM payments_payment")


def test_history_is_neither_edited_nor_deleted(payment: Payment) -> None:
    payment_move(payment=payment, to_status="failed", reason="declined", actor="test", now=NOW)
    with pytest.raises(IntegrityError, match="neither edited nor deleted"), transaction.atomic():
        PaymentStateChange.objects.update(reason="nicer")
    with pytest.raises(IntegrityError, match="neither edited nor deleted"), transaction.atomic():
        PaymentStateChange.objects.all().delete()


def test_a_change_needs_a_reason(payment: Payment) -> None:
    with pytest.raises(InvalidInput, match="needs a reason"):
        payment_move(payment=payment, to_status="success", reason="  ", actor="test", now=NOW)


def test_an_outsider_with_the_same_role_changes_nothing(payment: Payment, outsider: User) -> None:
    with pytest.raises(NotAllowed):
        payment_change_status(payment=payment, to_status="success", reason="mine now", actor=outsider, now=NOW)


def test_of_two_people_deciding_on_what_they_both_read_one_is_told_so(payment: Payment) -> None:
    first, second = (Payment.objects.get(pk=payment.pk) for _ in range(2))
    payment_move(payment=first, to_status="success", reason="bank says yes", actor="first", now=NOW)
    with pytest.raises(TransitionRefused, match="changed since you read it"):
        payment_move(payment=second, to_status="failed", reason="looks bad", actor="second", now=NOW)
    assert PaymentStateChange.objects.count() == 1


def test_a_failed_change_leaves_neither_the_row_nor_the_status(payment: Payment) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        payment_move(payment=payment, to_status="success", reason="then the power went", actor="test", now=NOW)
        raise RuntimeError
    assert Payment.objects.get(pk=payment.pk).status_id == "pending"
    assert not PaymentStateChange.objects.exists()


def test_a_payment_by_somebody_elses_method_is_refused(in_tenant: Tenant) -> None:
    payer, other = make_customer(in_tenant), make_customer(in_tenant)
    method = make_payment(in_tenant, customer=other).method
    with pytest.raises(IntegrityError, match="tenant_fk_payment_own_method"), transaction.atomic():
        make_payment(in_tenant, customer=payer, method=method)


@pytest.mark.parametrize("status", ["refunded", "no-such-status"])
def test_a_payment_begins_in_no_status_but_those_it_may_begin_in(in_tenant: Tenant, status: str) -> None:
    with pytest.raises(IntegrityError, match="cannot be recorded in status"), transaction.atomic():
        make_payment(in_tenant, status=status)
