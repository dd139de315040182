"""All that one payment has been through: its status step by step, and what the customer did around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet

from apps.payments.models import Order, OrderItem, Payment, PaymentReference, PaymentStateChange
from kivendtout.lib.documents import DocumentsUnavailable, document_store

# A long visit has some hundred events; what matters is near the payment.
MOST_EVENTS = 200
# Without a known session, what the customer did this near the payment.
BEFORE, AFTER = timedelta(hours=1), timedelta(minutes=15)


@dataclass(frozen=True)
class StatusStep:
    """The first one says how the payment was recorded; each later one is a change, by whom and why."""

    status: str
    at: datetime
    who: str
    why: str
    before: str = ""
    trace_id: str = ""


@dataclass(frozen=True)
class Events:
    documents: list[dict[str, Any]] = field(default_factory=list)
    of_session: bool = True
    available: bool = True
    cut: bool = False


def payment_get(*, pk: int, queryset: QuerySet[Payment] | None = None) -> Payment | None:
    """By way of its reference, which knows the attempt time: one partition is opened instead of all."""
    reference = PaymentReference.objects.filter(pk=pk).values_list("attempted_at", flat=True).first()
    if reference is None:
        return None
    payments = Payment.objects.all() if queryset is None else queryset
    return payments.filter(pk=pk, attempted_at=reference).first()


def payment_status_steps(*, payment: Payment) -> list[StatusStep]:
    recorded = StatusStep(payment.initial_status_id, payment.attempted_at, payment.recorded_by, payment.failure_code)
    changes = PaymentStateChange.objects.filter(payment_id=payment.pk).order_by("pk")
    return [
        recorded,
        *(
            StatusStep(
                status=change.to_status_id,
                at=change.changed_at,
                who=change.actor,
                why=change.reason,
                before=change.from_status_id,
                trace_id=change.trace_id,
            )
            for change in changes
        ),
    ]


def payment_events(*, payment: Payment) -> Events:
    """In order of time. A store that does not answer is said, never a reason for the page to fail."""
    session = payment.session
    filters = {"session_id": session.external_id} if session else {"customer_id": payment.customer.external_id}
    since, until = (None, None) if session else (payment.attempted_at - BEFORE, payment.attempted_at + AFTER)
    try:
        page = document_store().find(
            "events",
            payment.tenant_id,
            filters=filters,
            since=since,
            until=until,
            limit=MOST_EVENTS,
            newest_first=False,
        )
    except DocumentsUnavailable:
        return Events(of_session=session is not None, available=False)
    return Events(page.documents, of_session=session is not None, cut=page.next_cursor is not None)


def payment_orders(*, payment: Payment) -> list[Order]:
    lines = Prefetch("items", OrderItem.objects.select_related("product").order_by("line"))
    orders = Order.objects.filter(payment_id=payment.pk).select_related("currency").prefetch_related(lines)
    return list(orders.order_by("pk"))
