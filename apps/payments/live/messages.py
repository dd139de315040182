"""What the activity socket says. Its sequence number is the payment's id: it only grows, and can be asked for again."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import translation

from apps.payments.models import Payment
from apps.payments.selectors.activity import payments_present, payments_with_details
from kivendtout.lib.live import push, tenant_group
from kivendtout.lib.tenancy import tenant_scope

ACTIVITY = "activity"
# More than this many missed payments is a page reload's work, not a socket's.
MOST_MISSED = 200


def payment_messages(payments: list[Payment]) -> list[dict[str, Any]]:
    rows = payments_present(payments)
    return [
        {
            "type": "payment",
            "seq": row["id"],
            "payment": {**row, "attempted_at": row["attempted_at"].isoformat(), "amount": str(row["amount"])},
        }
        for row in rows
    ]


def payments_by_id(*, after: int = 0, ids: list[int] | None = None) -> list[Payment]:
    queryset = payments_with_details().order_by("pk")
    queryset = queryset.filter(pk__in=ids) if ids is not None else queryset.filter(pk__gt=after)
    return list(queryset[:MOST_MISSED])


def missed_payments(tenant_id: int, after: int, language: str) -> list[dict[str, Any]]:
    with tenant_scope(tenant_id), translation.override(language):
        return payment_messages(payments_by_id(after=after))


def activity_group(tenant_id: int, language: str) -> str:
    """One group a language: labels are written once for everybody who reads it, not once a socket."""
    return f"{tenant_group(ACTIVITY, tenant_id)}.{language}"


def push_payments(*, tenant_id: int, ids: list[int]) -> None:
    """Called by the stream once the payments are committed; one message a batch and language, whoever listens."""
    with tenant_scope(tenant_id):
        payments = payments_by_id(ids=ids)
        for language, _name in settings.LANGUAGES if payments else ():
            with translation.override(language):
                messages = payment_messages(payments)
            push(activity_group(tenant_id, language), {"type": "payments_arrived", "messages": messages})
