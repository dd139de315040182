"""Stored decisions of a period, all of them or an even sample, with what became of their payments.

A period may hold millions: they are found by number, not by reading the period.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection

# Numbers tried to learn how many of them are this tenant's decisions, and rows read at once.
PROBE: Final = 1_000
CHUNK: Final = 2_000
# A tenant with one decision in so many numbers gets a smaller sample rather than a slower one.
THINNEST: Final = 20

_LAST: Final = "SELECT max(payment_id) FROM fraud_decision WHERE tenant_id = %s"
_NEXT: Final = """
SELECT payment_id, decided_at FROM fraud_decision WHERE tenant_id = %s AND payment_id >= %s ORDER BY payment_id LIMIT 1
"""
_HOW_MANY: Final = """
SELECT count(*) FROM fraud_decision WHERE tenant_id = %s AND payment_id = ANY(%s) AND decided_at >= %s
AND decided_at <= %s
"""
# Each LATERAL with LIMIT 1 is one descent of an index, whatever the planner believes of two thousand numbers: joined
# the plain way, it looked them all up anew for each payment of the month.
# The latest verdict stands; of two at one instant the one that says fraud.
_ROWS: Final = """
SELECT asked.id, d.catalogue_version, d.features, d.inputs, d.scorer_version, d.outcome, p.customer_id, l.is_fraud
FROM unnest(%s::bigint[]) AS asked(id)
CROSS JOIN LATERAL (
    SELECT * FROM fraud_decision WHERE payment_id = asked.id AND tenant_id = %s AND decided_at >= %s
    AND decided_at <= %s LIMIT 1) d
CROSS JOIN LATERAL (SELECT attempted_at FROM payments_paymentreference WHERE id = asked.id LIMIT 1) r
CROSS JOIN LATERAL (
    SELECT customer_id FROM payments_payment WHERE id = asked.id AND attempted_at = r.attempted_at LIMIT 1) p
LEFT JOIN LATERAL (
    SELECT is_fraud FROM fraud_fraudlabel WHERE payment_id = asked.id AND tenant_id = d.tenant_id
    ORDER BY known_at DESC, is_fraud DESC LIMIT 1) l ON true
ORDER BY asked.id
"""


class StoredDecision(NamedTuple):
    payment: int
    catalogue: str
    features: bytes
    inputs: str
    scorer: str
    outcome: int
    customer: int
    is_fraud: bool | None
    """None: nobody has said."""


class Sample(NamedTuple):
    numbers: Sequence[int]
    """Of payments; not each of them has a decision of this tenant."""
    weight: float
    """How many decisions of the period each one read stands for."""
    since: datetime
    until: datetime


def decision_sample(tenant_id: int, *, since: datetime, until: datetime, limit: int) -> Sample:
    """Evenly spread over the period, so that no day and no hour counts more than another."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [tenant_id])
        last = cursor.fetchone()[0]
        if last is None:
            return Sample((), 1.0, since, until)
        first = _first(cursor, tenant_id, since, int(last))
        span = int(last) - first + 1
        if span <= limit:
            return Sample(range(first, first + span), 1.0, since, until)
        share = _share(cursor, tenant_id, _spread(first, span, PROBE), since, until)
        wanted = int(min(limit / max(share, 1 / THINNEST), limit * THINNEST))
        if wanted >= span:
            return Sample(range(first, first + span), 1.0, since, until)
        return Sample(_spread(first, span, wanted), span / wanted, since, until)


def sampled(tenant_id: int, sample: Sample) -> Iterator[list[StoredDecision]]:
    for start in range(0, len(sample.numbers), CHUNK):
        with connection.cursor() as cursor:
            part = list(sample.numbers[start : start + CHUNK])
            cursor.execute(_ROWS, [part, tenant_id, sample.since, sample.until])
            yield [StoredDecision(*row) for row in cursor.fetchall()]


def _spread(first: int, span: int, count: int) -> list[int]:
    return [first + place * span // count for place in range(min(count, span))]


def _share(cursor: Any, tenant_id: int, numbers: list[int], since: datetime, until: datetime) -> float:
    cursor.execute(_HOW_MANY, [tenant_id, numbers, since, until])
    return float(cursor.fetchone()[0] / len(numbers))


def _first(cursor: Any, tenant_id: int, since: datetime, last: int) -> int:
    """The first payment decided on in the period, by halving: numbers grow with time."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        cursor.execute(_NEXT, [tenant_id, middle])
        found = cursor.fetchone()
        if found is not None and found[1] < since:
            low = int(found[0]) + 1
        else:
            high = middle
    # Where nothing was decided before the period, that is 0: the numbers before the first decision say nothing.
    cursor.execute(_NEXT, [tenant_id, low])
    found = cursor.fetchone()
    return low if found is None else int(found[0])
