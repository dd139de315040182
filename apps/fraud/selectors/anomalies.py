"""What detectors read: stored feature rows by column, whose payments those are, and who acted when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

import msgspec
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Mod

from apps.compliance.models import AuditEntry
from apps.fraud.engine.features.feature import Value
from apps.fraud.models import Anomaly, Decision
from apps.fraud.scorers.anomaly.activity import Act
from apps.fraud.selectors.catalogues import catalogue_index

# Rows scored at once: 2 MB of values.
TOGETHER: Final = 2_000
# Of an address's keyed hash, as much as tells two apart; access logs hold no more.
NETWORK_DIGITS: Final = 16
# The payment by both halves of its key, so that one partition is looked into.
WHOSE: Final = """
SELECT r.id, c.external_id, r.attempted_at FROM payments_paymentreference r
JOIN payments_payment p ON p.id = r.id AND p.attempted_at = r.attempted_at
JOIN customers_customer c ON c.id = p.customer_id
WHERE r.tenant_id = %s AND r.id = ANY(%s)
"""
_row = msgspec.msgpack.Decoder(list[Value]).decode


@dataclass(frozen=True, slots=True)
class Rows:
    """Feature rows, turned into a list of values a feature."""

    payments: list[int]
    columns: dict[str, list[Value]]


def decisions_between(start: datetime, end: datetime) -> QuerySet[Decision]:
    """In the tenant in force."""
    found: QuerySet[Decision] = Decision.objects.filter(decided_at__gte=start, decided_at__lt=end)
    return found


def decision_rows(decisions: QuerySet[Decision], names: Sequence[str], *, one_in: int = 1) -> Iterator[Rows]:
    """A feature that a row was stored without is missing there. `one_in` takes every so many, always the same ones."""
    if one_in > 1:
        decisions = decisions.alias(place=Mod("pk", one_in)).filter(place=0)
    stored = decisions.order_by("pk").values_list("pk", "catalogue_version", "features")
    rows = stored.iterator(chunk_size=TOGETHER)
    while chunk := list(islice(rows, TOGETHER)):
        yield _by_column(chunk, names)


def _by_column(chunk: Iterable[tuple[int, str, Any]], names: Sequence[str]) -> Rows:
    payments: list[int] = []
    columns: dict[str, list[Value]] = {name: [] for name in names}
    for payment, version, packed in chunk:
        index, row = catalogue_index(version), _row(packed)
        payments.append(payment)
        for name, values in columns.items():
            place = index.get(name)
            values.append(None if place is None else row[place])
    return Rows(payments, columns)


def payments_whose(*, tenant_id: int, payments: Sequence[int]) -> dict[int, tuple[str, datetime]]:
    """By payment: the customer's number, and when it was attempted."""
    with connection.cursor() as cursor:
        cursor.execute(WHOSE, [tenant_id, list(payments)])
        return {payment: (customer, at) for payment, customer, at in cursor.fetchall()}


def audit_acts(*, tenant_id: int, start: datetime, end: datetime) -> Iterator[Act]:
    """What colleagues changed, made, deleted or revealed. What the product did by itself is nobody's act."""
    entries = AuditEntry.objects.filter(
        tenant_id=tenant_id, timestamp__gte=start, timestamp__lt=end, actor_id__isnull=False
    ).order_by()
    rows = entries.values_list("timestamp", "actor_id", "action", "content_type_id", "object_pk", "address_hash")
    done = {
        AuditEntry.Action.CREATE: "changes",
        AuditEntry.Action.UPDATE: "changes",
        AuditEntry.Action.DELETE: "deletions",
        AuditEntry.Action.ACCESS: "reveals",
    }
    for at, actor, action, kind, pk, network in rows.iterator(chunk_size=TOGETHER):
        yield Act(at, f"user {actor}", {"acts": 1, done[action]: 1}, f"{kind} {pk}", network[:NETWORK_DIGITS])


def anomalies_known(*, kind: str, since: datetime) -> set[tuple[str, datetime]]:
    """Whose, and of which period; in the tenant in force."""
    found = Anomaly.objects.filter(kind=kind, period_start__gte=since)
    return set(found.values_list("actor", "period_start"))


def anomalies_raised_since(*, kind: str, moment: datetime) -> int:
    return int(Anomaly.objects.filter(kind=kind, raised_at__gte=moment).count())


def day_of(moment: datetime) -> tuple[datetime, datetime]:
    """The day that a moment, in the tenant's own time zone, falls on."""
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return start, start + timedelta(days=1)  # of the wall clock: 23 or 25 hours twice a year
