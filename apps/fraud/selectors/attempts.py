"""A tenant's stored payments as attempts: each as it was first told, beside what became of it, in the order of time.

`facts.py` gives a payment as it stands. A history must not: a payment told as pending had no result when it was
judged, whatever its status says today.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from django.db import connection
from msgspec.structs import replace

from apps.fraud.engine.event import Facts
from apps.fraud.selectors.facts import IN_ORDER, LABEL_FACTS, RESULT_OF, facts_of, label_of
from apps.fraud.selectors.label_history import label_pages, labels_of
from apps.fraud.state.layout import LabelFacts
from kivendtout.lib.clock import EPOCH

CHUNK: Final = 5_000
INITIAL: Final = """
SELECT p.id, p.initial_status_id FROM payments_payment p
WHERE p.tenant_id = %(tenant)s AND (p.attempted_at, p.id) > (%(after)s, %(after_id)s) AND p.attempted_at <= %(last)s
  AND p.initial_status_id <> p.status_id
"""
LABELS: Final = f"{LABEL_FACTS} ORDER BY l.known_at, l.id"
# The latest verdict stands; of two at one instant the one that says fraud, as in features/merchant.py. It is known
# since the first label, of whichever source, that says the same without another between them: who confirms it tells
# nothing new. From the latest label backwards, those up to which all say fraud, or none does.
TRUTHS: Final = """
SELECT payment_id, is_fraud, min(known_at) FROM (
    SELECT payment_id, is_fraud, known_at,
           bool_and(is_fraud) OVER back AS all_fraud, bool_or(is_fraud) OVER back AS some_fraud
    FROM fraud_fraudlabel WHERE tenant_id = %(tenant)s AND payment_id = ANY(%(ids)s::bigint[])
    WINDOW back AS (PARTITION BY payment_id ORDER BY known_at DESC, is_fraud DESC)) told
WHERE all_fraud = some_fraud GROUP BY payment_id, is_fraud
"""


class Attempt(NamedTuple):
    reference: int
    told: Facts
    """As the payment was told: what a live decision saw."""
    became: Facts
    """With its result, which later payments see."""


class Truth(NamedTuple):
    is_fraud: bool
    known_at: datetime


def attempts_in_order(tenant_id: int, *, until: datetime | None = None, chunk: int = CHUNK) -> Iterator[list[Attempt]]:
    place = (EPOCH, 0)
    end = until or datetime.max.replace(tzinfo=UTC)
    while True:
        values: dict[str, Any] = {
            "tenant": tenant_id,
            "after": place[0],
            "after_id": place[1],
            "until": end,
            "limit": chunk,
        }
        with connection.cursor() as cursor:
            cursor.execute(IN_ORDER, values)
            rows = cursor.fetchall()
            if not rows:
                return
            cursor.execute(INITIAL, values | {"last": rows[-1][1]})
            initial = dict(cursor.fetchall())
        place = (rows[-1][1], rows[-1][0])
        yield [_attempt(row[0], facts_of(row[2:]), initial.get(row[0])) for row in rows]


def labels_in_order(
    tenant_id: int, *, chunk: int = CHUNK, known_on: datetime | None = None, recorded_on: datetime | None = None
) -> Iterator[LabelFacts]:
    """By the moment each became known: those that stand, or those that stood on a date (see label_history.py)."""
    for rows in label_pages(LABELS, tenant_id, known_on=known_on, recorded_on=recorded_on, chunk=chunk):
        yield from map(label_of, rows)


def truths(
    tenant_id: int,
    references: Sequence[int],
    *,
    known_on: datetime | None = None,
    recorded_on: datetime | None = None,
) -> dict[int, Truth]:
    """What is known today of these payments, or was on a date. One without a label is taken for genuine."""
    if known_on or recorded_on:
        rows = labels_of(TRUTHS, tenant_id, references, known_on=known_on, recorded_on=recorded_on)
        return {payment: Truth(fraud, known_at) for payment, fraud, known_at in rows}
    with connection.cursor() as cursor:
        cursor.execute(TRUTHS, {"tenant": tenant_id, "ids": list(references)})
        return {payment: Truth(fraud, known_at) for payment, fraud, known_at in cursor.fetchall()}


def _attempt(reference: int, became: Facts, initial: str | None) -> Attempt:
    if initial is None:
        return Attempt(reference, became, became)
    status = RESULT_OF.get(initial, "pending")
    code = became.failure_code if status == "failed" else ""
    return Attempt(reference, replace(became, status=status, failure_code=code), became)
