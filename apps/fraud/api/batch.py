"""A batch's answer: one result a payment, in their order, whatever became of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from apps.compliance.api_auth import Credential
from apps.fraud.api.body import request_hash
from apps.fraud.api.errors import problem_body
from apps.fraud.api.sandbox import sandbox_answer
from apps.fraud.api.score_request import Asked, read_payment
from apps.fraud.services import intake
from kivendtout.lib.errors import KvtError
from kivendtout.lib.trace import current_trace_id

OPERATION = "POST /api/v1/score/batch"


def batch_answer(payments: Sequence[bytes], credential: Credential, key: str | None, now: datetime) -> bytes:
    results: dict[int, bytes] = {}
    asked: dict[int, Asked] = {}
    for place, raw in enumerate(payments):
        try:
            asked[place] = read_payment(raw, now)
        except KvtError as error:
            results[place] = problem_body(error)
    refused = len(results)
    for place, (good, body) in _decided(asked, credential, key).items():
        results[place] = body
        refused += not good
    ordered = b",".join(results[place] for place in range(len(payments)))
    return b'{"results":[%s],"decided":%d,"refused":%d}' % (ordered, len(payments) - refused, refused)


def _decided(asked: dict[int, Asked], credential: Credential, key: str | None) -> dict[int, tuple[bool, bytes]]:
    if credential.sandbox:
        return {place: _sandbox(one) for place, one in asked.items()}
    asks = [_ask(credential.tenant_id, place, one, key) for place, one in asked.items()]
    answers = intake.score_many(asks) if asks else []
    return {
        place: (True, answer.body)
        if answer.error is None
        else (False, problem_body(answer.error, payment_id=one.event.payment_id))
        for (place, one), answer in zip(asked.items(), answers, strict=True)
    }


def _sandbox(asked: Asked) -> tuple[bool, bytes]:
    try:
        return True, sandbox_answer(asked.event)
    except KvtError as error:
        return False, problem_body(error, payment_id=asked.event.payment_id)


def _ask(tenant_id: int, place: int, asked: Asked, key: str | None) -> intake.Ask:
    """A batch's key stands for each payment at its place: repeated, each gets the answer it had."""
    own_key = f"batch:{sha256(key.encode()).hexdigest()}:{place}" if key else None
    return intake.Ask(
        tenant_id=tenant_id,
        event=asked.event,
        address=asked.address,
        idempotency_key=own_key,
        request_hash=request_hash(OPERATION, asked.canonical) if key else None,
        trace_id=current_trace_id() or "",
    )
