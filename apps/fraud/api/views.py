"""The addresses of the API: parse, call, answer."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from apps.compliance.api_auth import Credential
from apps.compliance.models.api_key import SCOPE_DECISIONS, SCOPE_SCORE
from apps.fraud.api.batch import batch_answer
from apps.fraud.api.batch_request import split_batch
from apps.fraud.api.body import MOST_BATCH, MOST_SINGLE, idempotency_key, read_body, request_hash
from apps.fraud.api.endpoint import endpoint, json_answer
from apps.fraud.api.errors import InvalidRequest
from apps.fraud.api.sandbox import PREFIX, sandbox_answer, sandbox_decision
from apps.fraud.api.score_request import read_payment
from apps.fraud.selectors.decisions import decision_get
from apps.fraud.services import intake
from apps.fraud.services.answers import stored_answer
from apps.fraud.services.checking import payment_check
from apps.fraud.services.explained_answer import explained_answer
from kivendtout.lib.clock import now
from kivendtout.lib.errors import NotFound
from kivendtout.lib.trace import current_trace_id

EXPLANATION = "explanation"
SCORE = "POST /api/v1/score"
# Within it a caller hears something, whatever hangs: checking the key and waiting for the intake share it.
SCORE_SECONDS = 1.0
# A thousand payments take a fifth of a second; a machine under load may take some times that.
BATCH_SECONDS = 5.0


class NoSuchDecision(NotFound):
    message = "There is no decision with this id. Check the id, and that the key is of the same organisation."


@endpoint("POST", scope=SCOPE_SCORE, within=SCORE_SECONDS)
def score(request: HttpRequest, credential: Credential) -> HttpResponse:
    key = idempotency_key(request)
    asked = read_payment(read_body(request, MOST_SINGLE), now())
    if credential.sandbox:
        return json_answer(sandbox_answer(asked.event))
    ask = intake.Ask(
        tenant_id=credential.tenant_id,
        event=asked.event,
        address=asked.address,
        idempotency_key=key,
        request_hash=request_hash(SCORE, asked.canonical) if key else None,
        trace_id=current_trace_id() or "",
    )
    answer = intake.score(ask)
    return json_answer(answer.body, replayed=answer.replayed)


@endpoint("POST", scope=SCOPE_SCORE, within=BATCH_SECONDS)
def score_batch(request: HttpRequest, credential: Credential) -> HttpResponse:
    key = idempotency_key(request)
    payments = split_batch(read_body(request, MOST_BATCH))
    return json_answer(batch_answer(payments, credential, key, now()))


@endpoint("POST", scope=SCOPE_SCORE)
def check(request: HttpRequest, credential: Credential) -> HttpResponse:
    asked = read_payment(read_body(request, MOST_SINGLE), now())
    if credential.sandbox:
        return json_answer(sandbox_answer(asked.event, recorded=False))
    return json_answer(payment_check(tenant_id=credential.tenant_id, event=asked.event, address=asked.address))


@endpoint("GET", "HEAD", scope=SCOPE_DECISIONS)
def decision(request: HttpRequest, credential: Credential, decision_id: str) -> HttpResponse:
    explains = _explains(request)
    if credential.sandbox:
        body = sandbox_decision(decision_id, explains=explains) if decision_id.startswith(PREFIX) else None
    else:
        found = decision_get(tenant_id=credential.tenant_id, decision_id=decision_id)
        answer = explained_answer if explains else stored_answer
        body = answer(found, found.payment.external_id) if found else None
    if body is None:
        raise NoSuchDecision
    return json_answer(body)


def _explains(request: HttpRequest) -> bool:
    """Without it, the answer stays what the score answered, byte for byte."""
    asked = request.GET.getlist("include")
    if asked not in ([], [EXPLANATION]):
        raise InvalidRequest(f"Only {EXPLANATION!r} can be included. Leave the parameter out, or ask for that.")
    return bool(asked)
