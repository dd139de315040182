"""Verdicts on payments: recorded once per payment and source, told to feature state, and to the topic if begun here.

Of two verdicts of one source on one payment the later one stands. What stood before is in its versions, which
PostgreSQL writes, and in the audit trail; what was decided meanwhile keeps the feature row that it was decided from.
Feature state goes on knowing both with their times, until a rebuild: it then knows the one that stands, so a payment
of the time between that comes late may differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

from apps.compliance.models import AuditEntry
from apps.fraud.events import LabelEvent
from apps.fraud.models import FraudLabel
from apps.fraud.selectors.labels import labels_facts
from apps.fraud.services.decisions_store import OUTBOX, pack_row
from apps.fraud.services.feature_state import state_owe
from apps.fraud.state.live_state import live_state
from apps.payments.ingestion.staging import Run, execute, fetch, open_stage, stage_rows
from kivendtout.lib.clock import event_time
from kivendtout.lib.events import encode
from kivendtout.lib.tenancy import tenant_scope
from kivendtout.lib.trace import current_trace_id

LABELS_TOPIC: Final = "labels"
STAGE: Final = "ingest_verdict"
STAGE_COLUMNS: Final = """
    n integer PRIMARY KEY, payment_id text, customer_id text, is_fraud boolean, source text, pattern text,
    known_at timestamptz
"""
FOUND: Final = "ingest_verdict_found"
FOUND_COLUMNS: Final = "n integer PRIMARY KEY, payment bigint, early boolean, fault text, stands boolean"
# Of several verdicts of one source on one payment in a batch, the latest known stands; of two as late, the last told.
FIND: Final = f"""
INSERT INTO {FOUND}
SELECT n, payment, early, fault, fault IS NULL AND NOT early AND row_number() OVER (
    PARTITION BY payment, source, fault IS NULL ORDER BY known_at DESC, n DESC) = 1
FROM (
    SELECT s.n, s.source, s.known_at, r.id AS payment, r.id IS NULL AND %(wait)s AS early, CASE
        WHEN r.id IS NULL AND NOT %(wait)s THEN 'payment_id ' || s.payment_id || ' is not a known payment. Send the '
            || 'payment first, then its label.'
        WHEN c.external_id <> s.customer_id
            THEN 'payment_id ' || s.payment_id || ' belongs to another customer. Correct customer_id, or leave it out.'
        WHEN s.known_at < r.attempted_at THEN 'known_at lies before the payment was attempted. Send the time at which '
            || 'the verdict became known.'
        END AS fault
    FROM {STAGE} s
    LEFT JOIN LATERAL (SELECT * FROM payments_paymentreference
        WHERE tenant_id = %(tenant)s AND external_id = s.payment_id LIMIT 1) r ON true
    LEFT JOIN LATERAL (SELECT customer_id FROM payments_payment
        WHERE id = r.id AND attempted_at = r.attempted_at LIMIT 1) p ON true
    LEFT JOIN LATERAL (SELECT external_id FROM customers_customer WHERE id = p.customer_id LIMIT 1) c ON true
) told
"""  # noqa: S608  constants only
TOLD: Final = f"SELECT n, payment, early, fault, stands FROM {FOUND} ORDER BY n"  # noqa: S608
# By payment, so that two batches that judge the same ones wait for each other in one order.
MERGE: Final = f"""
INSERT INTO fraud_fraudlabel AS l (tenant_id, payment_id, is_fraud, source, pattern, known_at)
SELECT %(tenant)s::bigint, f.payment, s.is_fraud, s.source, coalesce(s.pattern, ''), s.known_at
FROM {STAGE} s JOIN {FOUND} f USING (n) WHERE f.stands ORDER BY f.payment, s.source
ON CONFLICT (payment_id, source) DO UPDATE
    SET is_fraud = excluded.is_fraud, pattern = coalesce(nullif(excluded.pattern, ''), l.pattern),
        known_at = CASE WHEN excluded.is_fraud = l.is_fraud THEN l.known_at ELSE excluded.known_at END
    WHERE excluded.known_at > l.known_at AND (excluded.is_fraud <> l.is_fraud
        OR excluded.pattern NOT IN ('', l.pattern))
RETURNING l.id, l.payment_id, l.source
"""  # noqa: S608
# What changed nothing, because its source said the same before or something newer already, never stood here. The world
# knew it all the same: what was known on a date must not depend on the order in which it was told.
REMEMBER: Final = f"""
INSERT INTO fraud_labelversion (tenant_id, label_id, is_fraud, pattern, known_at, recorded_at, stood)
SELECT DISTINCT ON (l.id, s.known_at) l.tenant_id, l.id, s.is_fraud, coalesce(s.pattern, ''), s.known_at,
       clock_timestamp(), false
FROM {STAGE} s JOIN {FOUND} f USING (n)
JOIN LATERAL (SELECT * FROM fraud_fraudlabel
    WHERE payment_id = f.payment AND source = s.source AND tenant_id = %(tenant)s LIMIT 1) l ON true
WHERE f.fault IS NULL AND NOT EXISTS (
    SELECT FROM fraud_labelversion v WHERE v.label_id = l.id AND v.known_at = s.known_at)
ORDER BY l.id, s.known_at, s.n DESC
"""  # noqa: S608
# Read before the merge, and locked until then: what stands and is about to change, for the audit trail.
STOOD: Final = f"""
SELECT l.id, l.payment_id, l.source, l.is_fraud, l.pattern, l.known_at
FROM {STAGE} s JOIN {FOUND} f USING (n)
JOIN LATERAL (SELECT * FROM fraud_fraudlabel
    WHERE payment_id = f.payment AND source = s.source AND tenant_id = %(tenant)s AND s.known_at > known_at
        AND (s.is_fraud <> is_fraud OR coalesce(s.pattern, '') NOT IN ('', pattern))
    LIMIT 1 FOR UPDATE) l ON true
WHERE f.stands ORDER BY l.id
"""  # noqa: S608


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


def labels_record(
    *,
    tenant_id: int,
    events: Sequence[LabelEvent],
    now: datetime,
    wait_for_payments: bool = False,
    publish: bool = False,
    actor: Any = None,
) -> LabelResult:
    """Record verdicts, all or none; repeating a call changes nothing.

    `publish` is for verdicts that begin here: the topic hears of those that are new or changed. What came from the
    topic is not sent back to it.
    """
    faults = {n: fault for n, event in enumerate(events) if (fault := event.ahead_fault(now))}
    run = Run(tenant_id, "labels", now)
    with tenant_scope(tenant_id), transaction.atomic():
        stage_rows(STAGE, STAGE_COLUMNS, _rows(events, faults))
        open_stage(FOUND, FOUND_COLUMNS)
        execute(FIND, run.values(wait=wait_for_payments))
        found = fetch(TOLD)
        stood = {(row[1], row[2]): row for row in fetch(STOOD, run.values())}
        written = {(payment, source): pk for pk, payment, source in fetch(MERGE, run.values())}
        execute(REMEMBER, run.values())
        faults |= {n: fault for n, _payment, _early, fault, _stands in found if fault}
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


def _rows(events: Sequence[LabelEvent], faults: dict[int, str]) -> Iterator[tuple[Any, ...]]:
    for n, event in enumerate(events):
        if n not in faults:
            yield n, event.payment_id, event.customer_id, event.is_fraud, event.source, event.pattern, event.known_at


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
