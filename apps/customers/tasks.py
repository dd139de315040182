from __future__ import annotations

from celery import shared_task

from apps.customers.services.behaviour_counts import behaviour_count
from kivendtout.lib.clock import now
from kivendtout.lib.documents import document_store

# Started every minute; what is left then is taken up by the next one.
COUNT_SECONDS = 45.0


@shared_task(name="customers.expire_documents")
def expire_documents() -> dict[str, int]:
    return document_store().expire(now())


@shared_task(name="customers.count_behaviour")
def count_behaviour() -> dict[str, int]:
    done = behaviour_count(now=now(), seconds=COUNT_SECONDS)
    return {"marks": done.marks, "periods": done.periods}
