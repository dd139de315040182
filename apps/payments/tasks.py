from __future__ import annotations

from celery import shared_task

from apps.payments.services.partitions import payment_partitions_ahead
from kivendtout.lib.clock import now


@shared_task(name="payments.make_partitions")
def make_partitions() -> list[str]:
    return payment_partitions_ahead(now=now())
