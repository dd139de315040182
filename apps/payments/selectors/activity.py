"""What the activity page and its socket show: the latest payments, and the day in figures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncHour
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.payments.models import Payment, PaymentReference, PaymentStatus

# As many rows as the page keeps (KEPT in static/js/live-table.js): what it missed is then never more than this.
LATEST = 100

# What an app above knows of payments, asked once a page or push: ids → what to add to each payment's row.
Extra = Callable[[list[int]], dict[int, Any]]
Tile = dict[str, Any]
_extras: dict[str, Extra] = {}
_tiles: list[Callable[[], Tile]] = []


def register_extra(name: str, ask: Extra) -> None:
    """Each row then has `name`: what `ask` says of it, in the language in force, or None."""
    _extras[name] = ask


def register_tile(make: Callable[[], Tile]) -> None:
    """One more figure after the day's own."""
    if make not in _tiles:
        _tiles.append(make)


def payments_latest(*, limit: int = LATEST) -> list[dict[str, Any]]:
    return payments_present(list(_newest_first()[:limit]))


def payments_with_ids(ids: list[int]) -> list[Payment]:
    """Oldest first. Of more than the page can show the newest: a page opened now would show none of the others."""
    # Their times leave the database one or two months to look in, instead of all that there are.
    times = PaymentReference.objects.filter(pk__in=ids).aggregate(first=Min("attempted_at"), last=Max("attempted_at"))
    if times["first"] is None:
        return []
    between = (times["first"], times["last"])
    return list(_newest_first().filter(pk__in=ids, attempted_at__range=between)[:LATEST])[::-1]


def _newest_first() -> QuerySet[Payment]:
    details = Payment.objects.select_related("reference", "customer", "merchant", "method", "device", "session")
    return details.order_by("-attempted_at", "-pk")


def payments_present(payments: list[Payment]) -> list[dict[str, Any]]:
    labels = status_labels()
    rows = [payment_row(payment, labels) for payment in payments]
    for name, ask in _extras.items():
        told = ask([row["id"] for row in rows]) if rows else {}
        for row in rows:
            row[name] = told.get(row["id"])
    return rows


def status_labels() -> dict[str, str]:
    column = "label_fr" if (get_language() or "fr").startswith("fr") else "label_en"
    return dict(PaymentStatus.objects.values_list("code", column))


def payment_row(payment: Payment, labels: dict[str, str]) -> dict[str, Any]:
    device_kind = payment.device.get_kind_display() if payment.device else ""
    if not device_kind and payment.session:
        device_kind = payment.session.get_device_kind_display()
    return {
        "id": payment.pk,
        "external_id": payment.reference.external_id,
        "attempted_at": payment.attempted_at,
        "customer_external_id": payment.customer.external_id,
        "merchant_name": payment.merchant.name if payment.merchant else "",
        "amount": payment.amount,
        "currency": payment.currency_id,
        "status": payment.status_id,
        "status_label": labels.get(payment.status_id, payment.status_id),
        "method_label": payment.method.get_kind_display(),
        "country": payment.payment_country,
        "device_kind": device_kind,
        "url": reverse("admin:payments_payment_change", args=[payment.pk]),
    }


def payments_estimated_count() -> int:
    """The planner's own count over all partitions: exact enough for a tile, and free."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(c.reltuples) FILTER (WHERE c.reltuples > 0), 0)::bigint FROM pg_inherits i "
            "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'payments_payment'::regclass"
        )
        return int(cursor.fetchone()[0])


def recent(*, now: datetime, hours: int = 24) -> QuerySet[Payment]:
    return Payment.objects.filter(attempted_at__gt=now - timedelta(hours=hours), attempted_at__lte=now)


def activity_tiles(*, now: datetime) -> list[dict[str, Any]]:
    day = recent(now=now)
    facts = day.aggregate(
        total=Count("pk"),
        succeeded=Count("pk", filter=Q(status_id="success")),
        customers=Count("customer_id", distinct=True),
    )
    volumes = day.filter(status_id="success").values("currency_id").annotate(sum=Sum("amount")).order_by("-sum")[:2]
    rate = 100 * facts["succeeded"] / facts["total"] if facts["total"] else None
    money = " · ".join(f"{number_format(row['sum'], 2, force_grouping=True)} {row['currency_id']}" for row in volumes)
    last_minutes = recent(now=now, hours=1).filter(attempted_at__gt=now - timedelta(minutes=5)).count()
    return [
        {
            "label": _("Payments, last 24 h"),
            "value": number_format(facts["total"], force_grouping=True),
            "hint": _("%(n)s a minute now") % {"n": number_format(last_minutes / 5, 1)},
            "tone": "neutral",
        },
        {
            "label": _("Succeeded"),
            "value": "—" if rate is None else f"{number_format(rate, 1)} %",
            "hint": _("of the attempts"),
            "tone": "neutral" if rate is None or rate >= 75 else "warning",
        },
        {"label": _("Volume paid"), "value": money or "—", "hint": _("successful payments"), "tone": "neutral"},
        {
            "label": _("Customers"),
            "value": number_format(facts["customers"], force_grouping=True),
            "hint": _("who tried to pay"),
            "tone": "neutral",
        },
        *(make() for make in _tiles),
    ]


def activity_hourly(*, now: datetime) -> list[dict[str, Any]]:
    counted = dict(
        recent(now=now)
        .order_by()
        .annotate(hour=TruncHour("attempted_at"))
        .values("hour")
        .annotate(count=Count("pk"))
        .values_list("hour", "count")
    )
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    hours = [first + timedelta(hours=offset) for offset in range(24)]
    return [{"hour": hour, "count": counted.get(hour, 0)} for hour in hours]
