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

# Each process says it so often while it lasts; the alert counts how often it was said.
EVERY_SECONDS: Final = 60.0
_told: dict[tuple[int, str, int | None], float] = {}
_lock: Final = Lock()


def troubles_tell(*, tenant_id: int, troubles: Sequence[Trouble], now: datetime) -> None:
    """Call it inside the transaction of the decisions: they come first, and a failure to tell undoes none of them."""
    if not troubles:
        return
    from apps.fraud.services.operational_alerts import operational_alert_raise

    for one in troubles:
        key = (tenant_id, one.kind, one.scorer_id)
        with _lock:
            if monotonic() < _told.get(key, 0.0):
                continue
            _told[key] = monotonic() + EVERY_SECONDS
        tell = partial(
            operational_alert_raise,
            tenant_id=tenant_id,
            kind=one.kind,
            scorer=one.scorer_id,
            facts={"detail": one.detail},
            now=now,
        )
        transaction.on_commit(tell, robust=True)
