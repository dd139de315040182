"""Which hours have new events, noted with the events, so that the roll-ups are counted again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from django.db import connection


def hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def behaviour_mark(*, tenant_id: int, moments: Collection[datetime]) -> None:
    """After the events are stored, in the transaction that stores them where the store has one. Where it has none,
    whoever dies in between stores the batch again, and marks it then."""
    first, last = hour_of(min(moments)), hour_of(max(moments))
    # Nearly always one hour; so the others are not looked at for nothing.
    hours = [first] if first == last else sorted({hour_of(moment) for moment in moments})
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_behaviourmark (tenant_id, hour) SELECT %s, unnest(%s::timestamptz[])",
            [tenant_id, hours],
        )
