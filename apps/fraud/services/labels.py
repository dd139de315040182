"""Verdicts on payments: recorded once per payment and source, told to feature state, and to the topic if begun here.

Of two verdicts of one source on one payment the later one stands. What stood before is in its versions, which
PostgreSQL writes, and in the audit trail; what was decided meanwhile keeps the feature row that it was decided from.
Feature state goes on knowing both with their times, until a rebuild: it then knows the one that stands, so a payment
of the time between that comes late may differ.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

from apps.compliance.models import AuditEntry
from apps.fraud.events import LabelEvent
from apps.fraud.models import FraudLabel
from apps.fraud.selectors.labels import labels_facts
from apps.fraud.services.decisions_store import OUTBOX, pack_row
from apps.fraud.services.feature_state import state_owe
from apps.fraud.services.label_sql import (
    FAULTS,
    FIND,
    FOUND,
    FOUND_COLUMNS,
    LOCK,
    MERGE,
    REMEMBER,
    STAGE,
    STAGE_COLUMNS,
    STOOD,
    TOLD,
)
from apps.fraud.state.live_state import live_state
from apps.payments.ingestion.staging import Run, execute, fetch, open_stage, stage_rows
from kivendtout.lib.clock import event_time
from kivendtout.lib.events import encode
from kivendtout.lib.tenancy import tenant_scope
from kivendtout.lib.trace import current_trace_id

LABELS_TOPIC: Final = "labels"
# Letters only: sixteen digits of a hash could look like a card number, which no message may hold.
_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")


@dataclass(frozen=True)
class LabelResult:
    """By position in what was given: each stands in exactly one of the lists, or is a repeat."""

    new_at: list[int] = field(default_factory=list)
    changed_at: list[int] = field(default_factory=list)
    """Their source said otherwise before, or did not tell the kind of fraud."""
    early_at: list[int] = field(default_factory=list)
    """Their payment has not come yet; only with `wait_for_payments`."""
    rejected: list[tuple[str, str]] = field(default_factory=list)
    rejected_at: list[int] = field(default_factory=list)
    repeated: int = 0
    """Told before, or older than what stands."""
    labels: list[int] = field(default_factory=list)
    """Rows that are new or changed, beside `new_at` and `changed_at`, in the order of their positions."""


def label_id_of(payment_id: str, source: str, is_fraud: bool, known_at: datetime) -> str:
    """For a verdict whose sender calls it nothing: the same one always has the same id."""
    told = f"{source}\n{is_fraud}\n{known_at.isoformat()}\n{payment_id}"
    return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32].translate(_LETTERS)


def labels_record(
    *,
    tenant_id: int,
    events: Sequence[LabelEvent],
    now: datetime,
    undated: Container[int] = (),
    wait_for_payments: bool = False,
    publish: bool = False,
    actor: Any = None,
) -> LabelResult:
    """Record verdicts, all or none; repeating a call changes nothing.

    `undated` are the positions of verdicts whose time nobody told: known since now, if their source did not say so yet.
    `publish` is for verdicts that begin here: the topic hears of those that are new or changed. What came from the
    topic is not sent back to it.
    """
    faults = {n: fault for n, event in enumerate(events) if (fault := event.ahead_fault(now))}
    run = Run(tenant_id, "labels", now)
    with tenant_scope(tenant_id), transaction.atomic():
        stage_rows(STAGE, STAGE_COLUMNS, staged(events, faults, undated))
        open_stage(FOUND, FOUND_COLUMNS)
        execute(FIND, run.values(wait=wait_for_payments))
        found = fetch(TOLD)
        fetch(LOCK, run.values())
        stood = {(row[1], row[2]): row for row in fetch(STOOD, run.values())}
        written = {(payment, source): pk for pk, payment, source in fetch(MERGE, run.values())}
        execute(REMEMBER, run.values())
        faults |= {n: _sentence(fault, events[n]) for n, _payment, _early, fault, _stands in found if fault}
        marks = {n: (payment, events[n].source) for n, payment, _early, _fault, stands in found if stands}
        done = {n: mark for n, mark in marks.items() if mark in written}
        _tell_state(tenant_id, {written[mark]: mark[0] for mark in done.values()}, now)
        _tell_audit(tenant_id, [(stood[mark], events[n]) for n, mark in done.items() if mark in stood], actor)
        if publish and done:
            _tell_topic(tenant_id, [events[n] for n in done], now)
    early = [n for n, _payment, early, _fault, _stands in found if early]
    return LabelResult(
        new_at=[n for n, mark in done.items() if mark not in stood],
        changed_at=[n for n, mark in done.items() if mark in stood],
        early_at=early,
        rejected=[(events[n].payment_id, fault) for n, fault in sorted(faults.items())],
        rejected_at=sorted(faults),
        repeated=len(events) - len(done) - len(early) - len(faults),
        labels=[written[mark] for mark in done.values()],
    )


def _sentence(fault: str, event: LabelEvent) -> str:
    return FAULTS[fault] % {"payment": event.payment_id}


def staged(
    events: Sequence[LabelEvent], faults: Container[int] = (), undated: Container[int] = ()
) -> Iterator[tuple[Any, ...]]:
    for n, one in enumerate(events):
        if n not in faults:
            told = one.payment_id, one.customer_id, one.is_fraud, one.source, one.pattern, one.known_at
            yield n, *told, n not in undated


def _tell_state(tenant_id: int, labels: dict[int, int], now: datetime) -> None:
    """Inside the transaction, as payments are: what Redis did not hear is owed to it from the same commit on."""
    if labels:
        told = labels_facts(tenant_id, labels=list(labels))
        if not live_state().label(tenant_id, told, now=event_time(now)):
            state_owe(tenant_id=tenant_id, payments=list(labels.values()), now=now)


def _tell_audit(tenant_id: int, changed: Sequence[tuple[tuple[Any, ...], LabelEvent]], actor: Any) -> None:
    """A verdict that turned is rare, and somebody will ask what it was before. New ones tell of themselves."""
    if not changed:
        return
    kind = ContentType.objects.get_for_model(FraudLabel)
    AuditEntry.objects.bulk_create(
        AuditEntry(
            content_type=kind,
            object_pk=str(pk),
            object_id=pk,
            object_repr=f"{source}: {event.is_fraud}",
            action=AuditEntry.Action.UPDATE,
            changes=_changes(was, known_at, pattern, event),
            actor=actor,
            actor_email=getattr(actor, "email", None),
            tenant_id=tenant_id,
            cid=current_trace_id(),
        )
        for (pk, _payment, source, was, pattern, known_at), event in changed
    )


def _changes(was: bool, known_at: datetime, pattern: str, event: LabelEvent) -> dict[str, list[str]]:
    changes = {}
    if was is not event.is_fraud:
        changes["is_fraud"] = [str(was), str(event.is_fraud)]
        changes["known_at"] = [known_at.isoformat(), event.known_at.isoformat()]
    if event.pattern and event.pattern != pattern:
        changes["pattern"] = [pattern, event.pattern]
    return changes


def _tell_topic(tenant_id: int, events: Sequence[LabelEvent], now: datetime) -> None:
    trace = current_trace_id() or ""
    messages = [(event.customer_id or event.payment_id, encode(event), trace) for event in events]
    with connection.cursor() as cursor:
        cursor.execute(OUTBOX, [tenant_id, LABELS_TOPIC, pack_row(messages), now])
