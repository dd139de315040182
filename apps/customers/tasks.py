from __future__ import annotations

from celery import shared_task

from kivendtout.lib.clock import now
from kivendtout.lib.documents import document_store


@shared_task(name="customers.expire_documents")
def expire_documents() -> dict[str, int]:
    return document_store().expire(now())
