"""One transaction for many requests: what was answered before, what can be decided, what cannot and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from apps.fraud.models import Decision
from apps.fraud.services.answers import made_answer, stored_answer
from apps.fraud.services.carts import with_carts
from apps.fraud.services.engine import engine_current
from apps.fraud.services.idempotency import IdempotencyMismatch, Kept, answers_keep, answers_kept
from apps.fraud.services.scoring import Decided, payments_decide
from apps.payments.events import InvalidEvent, PaymentEvent
from apps.payments.ingestion.payments_merge import ensure_months
from kivendtout.lib.errors import Conflict, KvtError
from kivendtout.lib.tenancy import tenant_scope

SOURCE: Final = "api"
# Nobody waits longer for an answer; a statement that does is of no use to anybody.
STATEMENT_MS: Final = 2_000


@dataclass(frozen=True)
class Ask:
    """`request_hash` covers the operation and its body; with a key it decides whether a request is a repetition."""

    tenant_id: int
    event: PaymentEvent
    address: str | None = None
    idempotency_key: str | None = None
    request_hash: bytes | None = None
    trace_id: str = ""


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    replayed: bool = False
    error: KvtError | None = None


def batch_decide(asks: Sequence[Ask], *, now: datetime, began_ns: int) -> list[Answer]:
    """All of one tenant. The answers are those of the asks, in their order."""
    tenant_id = asks[0].tenant_id
    # Before the transaction: what these read and make outlives it.
    engine = engine_current(tenant_id)
    ensure_months({ask.event.attempted_at.date() for ask in asks if not ask.event.ahead_fault(now)})
    with tenant_scope(tenant_id), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
        answers = _repeated(tenant_id, asks)
        left = [n for n in range(len(asks)) if n not in answers]
        if not left:
            return _in_order(asks, answers)
        decided = payments_decide(
            tenant_id=tenant_id,
            events=with_carts(tenant_id, [asks[n].event for n in left]),
            source=SOURCE,
            now=now,
            traces=[asks[n].trace_id for n in left],
            addresses=[asks[n].address for n in left],
            began_ns=began_ns,
            engine=engine,
        )
        fresh = {left[n]: answer for n, answer in _answers(decided, [asks[n] for n in left]).items()}
        _keep(tenant_id, now, asks, fresh)
    return _in_order(asks, answers | fresh)


def _repeated(tenant_id: int, asks: Sequence[Ask]) -> dict[int, Answer]:
    """By position: answers given before, and refusals of keys that came with another body.

    Of several asks with one key in this batch the first is decided on, and the others get its answer.
    """
    keyed = {n: ask.idempotency_key for n, ask in enumerate(asks) if ask.idempotency_key}
    if not keyed:
        return {}
    kept = answers_kept(tenant_id=tenant_id, keys=keyed.values())
    answers, first = {}, dict[str, int]()
    for n, key in keyed.items():
        if (one := kept.get(key)) is not None:
            same = one.request_hash == asks[n].request_hash
            answers[n] = Answer(one.status, one.body, replayed=True) if same else Answer(error=IdempotencyMismatch())
        elif asks[first.setdefault(key, n)].request_hash != asks[n].request_hash:
            answers[n] = Answer(error=IdempotencyMismatch())
    return answers


def _answers(decided: Decided, asks: Sequence[Ask]) -> dict[int, Answer]:
    answers = {n: Answer(body=made_answer(made)) for n, made in decided.made.items()}
    recorded = decided.recorded
    for n, (_payment, fault) in zip(recorded.rejected_at, recorded.rejected, strict=True):
        answers[n] = Answer(error=Conflict(fault) if " already " in fault else InvalidEvent(fault))
    known = {n: pk for n, pk in recorded.known.items() if n not in answers}
    if known:
        stored = {one.payment_id: one for one in Decision.objects.filter(pk__in=known.values())}
        for n, pk in known.items():
            answers[n] = _known(stored.get(pk), asks[n])
    return answers


def _known(decision: Decision | None, ask: Ask) -> Answer:
    if decision is None:
        return Answer(
            error=Conflict(
                f"payment_id {ask.event.payment_id} is recorded already, without a decision: it came with a history. "
                "Only new payments are decided on."
            )
        )
    return Answer(body=stored_answer(decision, ask.event.payment_id), replayed=True)


def _keep(tenant_id: int, now: datetime, asks: Sequence[Ask], fresh: dict[int, Answer]) -> None:
    """Refusals are not kept: a request that was corrected elsewhere (its customer is known now) may be sent again."""
    kept: dict[str, Kept] = {}
    for n, answer in fresh.items():
        key, request = asks[n].idempotency_key, asks[n].request_hash
        if key and request and answer.error is None:
            kept.setdefault(key, Kept(request, answer.status, answer.body))
    if kept:
        answers_keep(tenant_id=tenant_id, now=now, answers=list(kept.items()))


def _in_order(asks: Sequence[Ask], answers: dict[int, Answer]) -> list[Answer]:
    return [answers[n] for n in range(len(asks))]
