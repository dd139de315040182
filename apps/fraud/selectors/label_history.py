"""Labels as they were known on a date: of each payment and source the verdict that stood then, turned since or not.

Two readings. `known_on` asks what the world knew: a chargeback of May counts in June, even if its file came in July.
`recorded_on` asks what this system knew: the label as its row stood at that moment. Both together: what of the world's
knowledge had reached this system. docs/labels.md says which of them a training, and its repetition, needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection

from kivendtout.lib.clock import EPOCH

# Payments asked for at once, and labels read at once.
CHUNK: Final = 5_000
_HEARD: Final = """
    {0}.label_id = l.id AND {0}.known_at <= coalesce(%(known_on)s::timestamptz, 'infinity')
    AND {0}.recorded_at <= coalesce(%(recorded_on)s::timestamptz, 'infinity')
"""
# The latest verdict, known since the first of those that say the same without another between them.
_KNOWN: Final = f"""
SELECT since.id, latest.is_fraud, latest.pattern, since.known_at FROM (
    SELECT n.* FROM fraud_labelversion n WHERE {_HEARD.format("n")}
    ORDER BY n.known_at DESC, n.recorded_at DESC, n.id DESC LIMIT 1) latest
CROSS JOIN LATERAL (
    SELECT n.id, n.known_at FROM fraud_labelversion n
    WHERE {_HEARD.format("n")} AND (n.id = latest.id OR n.is_fraud = latest.is_fraud AND n.known_at > coalesce(
        (SELECT max(o.known_at) FROM fraud_labelversion o
         WHERE {_HEARD.format("o")} AND o.is_fraud <> latest.is_fraud), '-infinity'))
    ORDER BY n.known_at, n.recorded_at, n.id LIMIT 1) since
"""  # noqa: S608  constants only, here and below
_RECORDED: Final = f"""
SELECT n.id, n.is_fraud, n.pattern, n.known_at FROM fraud_labelversion n
WHERE {_HEARD.format("n")} AND n.stood ORDER BY n.recorded_at DESC, n.id DESC LIMIT 1
"""  # noqa: S608
# The versions one page after another, whether they stood on the date or not: a page costs the same wherever it lies.
_HEARD_PAGE: Final = """
SELECT known_at, label_id, id FROM fraud_labelversion
WHERE tenant_id = %(tenant)s AND (known_at, label_id, id) > (%(after)s::timestamptz, %(label)s::bigint, %(id)s::bigint)
  AND known_at <= coalesce(%(known_on)s::timestamptz, 'infinity')
ORDER BY known_at, label_id, id LIMIT %(limit)s
"""
# The table of labels as it was, under its own name: what reads labels as they stand reads them so, too. LATERAL with
# LIMIT 1 is one descent of an index per row, whatever the planner believes; and it believes that half of the rows pass
# where it cannot look into the condition, instead of one.
_PAGE: Final = """
WITH fraud_fraudlabel AS MATERIALIZED (
    SELECT l.id, l.tenant_id, l.payment_id, l.source, s.is_fraud, s.pattern, s.known_at
    FROM unnest(%(ids)s::bigint[], %(labels)s::bigint[]) v (id, label_id)
    CROSS JOIN LATERAL (SELECT * FROM fraud_fraudlabel WHERE id = v.label_id LIMIT 1) l
    CROSS JOIN LATERAL ({stands}) s WHERE coalesce(s.id = v.id, false))
"""
_OF_PAYMENTS: Final = """
WITH fraud_fraudlabel AS (
    SELECT l.id, l.tenant_id, l.payment_id, l.source, s.is_fraud, s.pattern, s.known_at
    FROM unnest(%(ids)s::bigint[]) AS asked(id)
    JOIN fraud_fraudlabel l ON l.payment_id = asked.id AND l.tenant_id = %(tenant)s
    CROSS JOIN LATERAL ({stands}) s)
"""
_TOLD: Final = """
SELECT l.id, r.external_id, l.source, l.is_fraud, l.pattern, l.known_at FROM fraud_fraudlabel l
JOIN LATERAL (SELECT external_id FROM payments_paymentreference WHERE id = l.payment_id LIMIT 1) r ON true
ORDER BY l.known_at, l.id
"""


class LabelAsKnown(NamedTuple):
    payment_id: str
    source: str
    is_fraud: bool
    pattern: str
    known_at: datetime


def labels_as_known(
    tenant_id: int, *, known_on: datetime | None = None, recorded_on: datetime | None = None, chunk: int = CHUNK
) -> Iterator[LabelAsKnown]:
    """By the moment each became known. Without a date: as they stand."""
    for rows in label_pages(_TOLD, tenant_id, known_on=known_on, recorded_on=recorded_on, chunk=chunk):
        yield from (LabelAsKnown(*row[1:]) for row in rows)


def label_pages(
    reading: str, tenant_id: int, *, known_on: datetime | None, recorded_on: datetime | None, chunk: int
) -> Iterator[list[tuple[Any, ...]]]:
    """`reading` reads from `fraud_fraudlabel l`, by known_at and id."""
    sql = _PAGE.format(stands=_stands(known_on)) + reading
    values: dict[str, Any] = {"tenant": tenant_id, "known_on": known_on, "recorded_on": recorded_on, "limit": chunk}
    after, label, version = EPOCH, 0, 0
    while True:
        heard = _fetch(_HEARD_PAGE, values | {"after": after, "label": label, "id": version})
        if not heard:
            return
        after, label, version = heard[-1]
        yield _fetch(sql, values | {"ids": [row[2] for row in heard], "labels": [row[1] for row in heard]})


def labels_of(
    reading: str,
    tenant_id: int,
    references: Sequence[int],
    *,
    known_on: datetime | None,
    recorded_on: datetime | None,
) -> Iterator[tuple[Any, ...]]:
    """`reading` reads from `fraud_fraudlabel`, which then holds these payments' labels as they were known."""
    sql = _OF_PAYMENTS.format(stands=_stands(known_on)) + reading
    values = {"tenant": tenant_id, "known_on": known_on, "recorded_on": recorded_on}
    for start in range(0, len(references), CHUNK):
        yield from _fetch(sql, values | {"ids": list(references[start : start + CHUNK])})


def _stands(known_on: datetime | None) -> str:
    return _RECORDED if known_on is None else _KNOWN


def _fetch(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
