"""Answers given once and repeated byte for byte. PostgreSQL has the last word, so no restart of anything loses one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple

from django.db import connection

from apps.payments.ingestion.staging import copy_into
from kivendtout.lib.errors import KvtError

KEPT_FOR: Final = timedelta(days=7)


class IdempotencyMismatch(KvtError):
    code = "idempotency_mismatch"
    status = 422
    message = (
        "This Idempotency-Key was used before with another body. Send the first body again, or take a new key for a "
        "new request."
    )


class Kept(NamedTuple):
    request_hash: bytes
    status: int
    body: bytes


# Held until the transaction ends: of two requests with one key the second waits here, and then finds the answer.
# Sorted, so that two batches that share keys wait for each other instead of deadlocking.
LOCK = "SELECT pg_advisory_xact_lock(one) FROM (SELECT unnest(%(locks)s::bigint[]) AS one ORDER BY 1) keys"
FIND = """
SELECT key, request_hash, status, answer FROM fraud_idempotencyrecord
WHERE tenant_id = %(tenant)s AND key = ANY(%(keys)s::text[])
"""
COPY = "COPY fraud_idempotencyrecord (tenant_id, key, request_hash, status, answer, created_at) FROM STDIN"


def answers_kept(*, tenant_id: int, keys: Iterable[str]) -> dict[str, Kept]:
    """Inside the transaction that will answer the others: they are locked against their own repetitions."""
    wanted = sorted(set(keys))
    values: dict[str, Any] = {"tenant": tenant_id, "keys": wanted, "locks": [_lock(tenant_id, key) for key in wanted]}
    with connection.cursor() as cursor:
        cursor.execute(LOCK, values)
        cursor.execute(FIND, values)
        return {key: Kept(bytes(request), status, bytes(body)) for key, request, status, body in cursor.fetchall()}


def answers_keep(*, tenant_id: int, now: datetime, answers: Sequence[tuple[str, Kept]]) -> None:
    with copy_into(COPY) as copy:
        for key, kept in answers:
            copy.write_row((tenant_id, key, kept.request_hash, kept.status, kept.body, now))


def _lock(tenant_id: int, key: str) -> int:
    digest = sha256(b"%d\0%s" % (tenant_id, key.encode())).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def answers_forget(*, now: datetime) -> int:
    """After a week nobody repeats a request any more."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM fraud_idempotencyrecord WHERE created_at < %s", [now - KEPT_FOR])
        return int(cursor.rowcount)
