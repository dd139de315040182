"""Changes of alerts: noted with the change, numbered once they are visible, forgotten after a week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import connection, transaction

# A page that was closed for longer reads its list anew, as one that is opened for the first time.
KEPT: Final = timedelta(days=7)
# Rows a numbering takes: a few batches of the stream. The rest waits for the next turn, some milliseconds later.
MOST_NUMBERED: Final = 5_000
NOTE: Final = """
INSERT INTO fraud_alertchange (tenant_id, alert_id, change, at)
SELECT %s, one, %s, %s FROM unnest(%s::bigint[]) AS one
"""
WAITING: Final = "SELECT EXISTS (SELECT FROM fraud_alertchange WHERE number IS NULL)"
# One process numbers at a time, and nobody waits for it: whoever finds it at work looks again in a moment.
LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtext('kvt_alert_changes'))"
# The counter moves in the same transaction: one that is rolled back leaves no hole.
NUMBER: Final = """
WITH waiting AS (
    SELECT id, tenant_id, row_number() OVER (PARTITION BY tenant_id ORDER BY id) AS place
    FROM (SELECT id, tenant_id FROM fraud_alertchange WHERE number IS NULL ORDER BY id LIMIT %s) AS one
), counted AS (
    INSERT INTO fraud_alertchangecounter AS counter (tenant_id, last)
    SELECT tenant_id, count(*) FROM waiting GROUP BY tenant_id
    ON CONFLICT (tenant_id) DO UPDATE SET last = counter.last + excluded.last
    RETURNING tenant_id, last
), sized AS (
    SELECT tenant_id, max(place) AS count FROM waiting GROUP BY tenant_id
)
UPDATE fraud_alertchange AS told SET number = counted.last - sized.count + waiting.place
FROM waiting JOIN counted USING (tenant_id) JOIN sized USING (tenant_id)
WHERE told.id = waiting.id
RETURNING told.tenant_id, told.number, told.alert_id, told.change
"""
FORGET: Final = """
DELETE FROM fraud_alertchange WHERE id IN
    (SELECT id FROM fraud_alertchange WHERE at < %s AND number IS NOT NULL LIMIT %s)
"""
# A statement each: short transactions, whatever there is to forget.
FORGOTTEN_AT_ONCE: Final = 20_000


class Numbered(NamedTuple):
    number: int
    alert: int
    change: str


def alert_changes_note(*, tenant_id: int, alerts: Sequence[int], change: str, now: datetime) -> None:
    """Inside the transaction that made the changes: told with it or not at all."""
    if alerts:
        with connection.cursor() as cursor:
            cursor.execute(NOTE, [tenant_id, change, now, list(alerts)])


def alert_changes_number() -> dict[int, list[Numbered]]:
    """Give each change that waits the next number of its tenant. By tenant, in order; one small query if none does."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        if not cursor.fetchone()[0]:
            return {}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK)
        if not cursor.fetchone()[0]:
            return {}
        cursor.execute(NUMBER, [MOST_NUMBERED])
        rows = cursor.fetchall()
    found: dict[int, list[Numbered]] = defaultdict(list)
    for tenant_id, *told in rows:
        found[tenant_id].append(Numbered(*told))
    for told in found.values():
        told.sort()
    return dict(found)


def alert_changes_forget(*, now: datetime) -> int:
    """Those old enough that no open page asks for them. The counters stay."""
    gone = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(FORGET, [now - KEPT, FORGOTTEN_AT_ONCE])
            deleted = int(cursor.rowcount)
        gone += deleted
        if deleted < FORGOTTEN_AT_ONCE:
            return gone
