"""POST /api/v1/labels: verdicts on payments, one result each and in their order, whatever becomes of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from hmac import compare_digest
from typing import Final, NamedTuple

import msgspec
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from apps.compliance.api_auth import Credential
from apps.compliance.models.api_key import SCOPE_LABELS
from apps.fraud.api.body import MOST_BATCH, idempotency_key, read_body, request_hash
from apps.fraud.api.endpoint import endpoint, json_answer
from apps.fraud.api.errors import InvalidRequest, problem_body
from apps.fraud.api.labels_request import field_of, read_label, split_labels
from apps.fraud.api.sandbox import SandboxDown
from apps.fraud.events import LabelEvent
from apps.fraud.services.idempotency import IdempotencyMismatch, Kept, answers_keep, answers_kept
from apps.fraud.services.labels import labels_record
from kivendtout.lib.clock import now
from kivendtout.lib.errors import KvtError

LABELS: Final = "POST /api/v1/labels"
# A thousand labels take a third of a second; a machine under load may take some times that.
SECONDS: Final = 5.0
_encode: Final = msgspec.json.Encoder(order="deterministic").encode
UNKNOWN: Final = "payment_id {0} is not a known payment. Send the payment first, then its label."


class LabelRefused(InvalidRequest):
    """Readable, and not to be reconciled with what is on record. As for payments, another tenant's is not known."""

    code = "invalid_event"


class Read(NamedTuple):
    events: dict[int, LabelEvent]
    undated: set[int]
    refused: dict[int, bytes]
    request_hash: bytes


class Answer(NamedTuple):
    body: bytes
    replayed: bool = False


@endpoint("POST", scope=SCOPE_LABELS, within=SECONDS)
def labels(request: HttpRequest, credential: Credential) -> HttpResponse:
    key, at = idempotency_key(request), now()
    read = _read(split_labels(read_body(request, MOST_BATCH)), at)
    if credential.sandbox:
        return json_answer(_sandbox(read))
    answer = _answer(credential.tenant_id, read, key, at)
    return json_answer(answer.body, replayed=answer.replayed)


def _read(raws: Sequence[bytes], at: datetime) -> Read:
    events: dict[int, LabelEvent] = {}
    undated: set[int] = set()
    refused: dict[int, bytes] = {}
    told: list[bytes] = []
    for place, raw in enumerate(raws):
        try:
            one = read_label(raw, at)
            events[place] = one.event
            told.append(one.canonical)
            if not one.dated:
                undated.add(place)
        except KvtError as error:
            refused[place] = problem_body(error)
            told.append(raw)
    return Read(events, undated, refused, request_hash(LABELS, b"\n".join(told)))


def _answer(tenant_id: int, read: Read, key: str | None, at: datetime) -> Answer:
    """The answer and what it tells of are one transaction: a key that is remembered stands for labels that are."""
    with transaction.atomic():
        kept = _kept(tenant_id, key)
        if kept is not None:
            if not compare_digest(kept.request_hash, read.request_hash):
                raise IdempotencyMismatch
            return Answer(kept.body, replayed=True)
        body, refused = _recorded(tenant_id, read, at)
        # As everywhere, a refusal is not remembered: a corrected request may use its key again.
        if key is not None and not refused:
            answer = Kept(read.request_hash, 200, body)
            answers_keep(tenant_id=tenant_id, now=at, answers=[(key, answer)])
    return Answer(body)


def _kept(tenant_id: int, key: str | None) -> Kept | None:
    return None if key is None else answers_kept(tenant_id=tenant_id, keys=[key]).get(key)


def _recorded(tenant_id: int, read: Read, at: datetime) -> tuple[bytes, int]:
    places, events = list(read.events), list(read.events.values())
    undated = {n for n, place in enumerate(places) if place in read.undated}
    done = labels_record(tenant_id=tenant_id, events=events, now=at, undated=undated, publish=True)
    refused = dict(read.refused)
    for n, (payment, text) in zip(done.rejected_at, done.rejected, strict=True):
        refused[places[n]] = problem_body(LabelRefused(text, field=field_of(text)), payment_id=payment)
    outcomes = dict.fromkeys(places, "repeated")
    outcomes |= {places[n]: "recorded" for n in done.new_at} | {places[n]: "changed" for n in done.changed_at}
    return _body(read.events, outcomes, refused), len(refused)


def _sandbox(read: Read) -> bytes:
    """The same for the same labels, always; nothing is read or recorded. docs/api.md lists what a payment_id plays."""
    refused, outcomes = dict(read.refused), dict.fromkeys(read.events, "recorded")
    for place, event in read.events.items():
        if event.payment_id.startswith("sandbox_down_"):
            raise SandboxDown
        if event.payment_id.startswith("sandbox_unknown_"):
            error = LabelRefused(UNKNOWN.format(event.payment_id), field="payment_id")
            refused[place] = problem_body(error, payment_id=event.payment_id)
        elif event.payment_id.startswith("sandbox_repeated_"):
            outcomes[place] = "repeated"
    return _body(read.events, outcomes, refused)


def _body(events: dict[int, LabelEvent], outcomes: dict[int, str], refused: dict[int, bytes]) -> bytes:
    results = dict(refused)
    for place, event in events.items():
        if place not in refused:
            told = {"payment_id": event.payment_id, "source": event.source, "outcome": outcomes[place]}
            results[place] = _encode(told)
    counts = Counter(outcome for place, outcome in outcomes.items() if place not in refused)
    figures = {name: counts[name] for name in ("recorded", "changed", "repeated")} | {"refused": len(refused)}
    ordered = b",".join(results[place] for place in sorted(results))
    return b'{"results":[%s],%s' % (ordered, _encode(figures)[1:])
