"""Which devices a customer has used: exports name them on payments, live traffic on sessions too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max

from apps.customers.models import Device, WebSession
from apps.payments.models import Payment


@dataclass(frozen=True)
class DeviceSeen:
    device: Device
    last_used: datetime
    payments: int
    sessions: int


def devices_of_customer(*, customer_id: int, limit: int) -> list[DeviceSeen]:
    """Latest first. The customer's own indexes answer both questions, so they cost what the customer has."""
    paid = _paid(customer_id)
    visited = _visited(customer_id)
    last = dict(visited)
    last.update((key, max(seen, visited.get(key, seen))) for key, seen in paid.items())
    keys = sorted(last, key=lambda key: last[key], reverse=True)[:limit]
    devices = Device.objects.in_bulk(keys)
    return [DeviceSeen(devices[key], last[key][0], paid.get(key, NONE)[1], visited.get(key, NONE)[1]) for key in keys]


Uses = dict[int, tuple[datetime, int]]
NONE = (None, 0)


def _paid(customer_id: int) -> Uses:
    rows = Payment.objects.filter(customer_id=customer_id, device__isnull=False).order_by().values("device_id")
    return {
        row["device_id"]: (row["last"], row["uses"])
        for row in rows.annotate(last=Max("attempted_at"), uses=Count("pk"))
    }


def _visited(customer_id: int) -> Uses:
    rows = WebSession.objects.filter(customer_id=customer_id, device__isnull=False).order_by().values("device_id")
    return {
        row["device_id"]: (row["last"], row["uses"]) for row in rows.annotate(last=Max("started_at"), uses=Count("pk"))
    }
