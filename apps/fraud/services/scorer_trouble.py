"""Telling people that the scorer in force does not answer: after the commit, and not once a payment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from threading import Lock
from time import monotonic
from typing import Final

from django.db import transaction

from apps.fraud.services.engine import Trouble
from apps.fraud.services.operational_alerts import operational_alert_raise

# Each process says it so often while it lasts; the alert counts how often it was said.
EVERY_SECONDS: Final = 60.0
_told: dict[tuple[int, str, int | None], float] = {}
_lock: Final = Lock()


def troubles_tell(*, tenant_id: int, troubles: Sequence[Trouble], now: datetime) -> None:
    """Call it inside the transaction of the decisions: they come first, and a failure to tell undoes none of them."""
    for one in troubles:
        transaction.on_commit(partial(_tell, tenant_id, one, now), robust=True)


def _tell(tenant_id: int, one: Trouble, now: datetime) -> None:
    """Only what was written counts as told: what was undone, or could not be written, is told with the next payment."""
    key = (tenant_id, one.kind, one.scorer_id)
    with _lock:
        if monotonic() < _told.get(key, 0.0):
            return
    facts = {"detail": one.detail}
    written = operational_alert_raise(tenant_id=tenant_id, kind=one.kind, scorer=one.scorer_id, facts=facts, now=now)
    if written is not None:
        with _lock:
            _told[key] = monotonic() + EVERY_SECONDS
