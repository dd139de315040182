"""The one path by which payments are recorded, whoever brings them: a load, the stream, the API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.payments.events import PaymentEvent
from apps.payments.ingestion import payments_sql as sql
from apps.payments.ingestion.payments_merge import Context, MergedPayments, ensure_months, merge_payments
from apps.payments.ingestion.staging import Run, fill_stage, open_standing
from kivendtout.lib.crypto.hashing import blind_indexes
from kivendtout.lib.trace import current_trace_id


@dataclass(frozen=True)
class RecordResult:
    new: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    repeated: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)
    rejected_at: list[int] = field(default_factory=list)
    """Positions in what was given, beside `rejected`: the same payment may come twice in a batch."""
    contexts: list[Context] = field(default_factory=list)
    """What is on record around each new payment, beside `new`."""
    new_at: list[int] = field(default_factory=list)
    """Positions in what was given, beside `new`; both rise with the position."""
    known: dict[int, int] = field(default_factory=dict)
    """Payment by position, for events of a payment that was there: repeats, results, seconds of one batch.

    Every position stands in exactly one of `new_at`, `known` and `rejected_at`.
    """


def payments_record(
    *, tenant_id: int, events: Sequence[PaymentEvent], source: str, now: datetime, traces: Sequence[str] = ()
) -> RecordResult:
    """Record attempts and results, all or none; repeating a call changes nothing.

    New payments take the status of their first event here. A pending one that hears of its result gets a state
    change. What cannot be recorded is told by payment and sentence, and does not hold up the others.
    """
    late = [(n, fault) for n, event in enumerate(events) if (fault := event.ahead_fault(now))]
    left_out = {n for n, _fault in late}
    good = [(n, event) for n, event in enumerate(events) if n not in left_out]
    if not good:
        return _result(events, MergedPayments(faults=late))
    ensure_months({event.attempted_at.date() for _n, event in good})
    own_trace = current_trace_id() or ""
    # Without a savepoint: whoever calls this inside a transaction gives it up whole when this fails.
    with transaction.atomic(savepoint=False):
        open_standing(sql.STAGES, len(good))
        fill_stage(sql.STAGE, _rows(good, traces, own_trace))
        merged = merge_payments(Run(tenant_id, source, now), in_context=True)
    merged.faults += late
    return _result(events, merged)


def _result(events: Sequence[PaymentEvent], merged: MergedPayments) -> RecordResult:
    faults = sorted(merged.faults)
    return RecordResult(
        new=list(merged.new.values()),
        contexts=merged.contexts,
        changed=merged.changed,
        repeated=len(events) - len(merged.new) - len(merged.changed) - len(faults),
        rejected=[(events[n].payment_id, fault) for n, fault in faults],
        rejected_at=[n for n, _fault in faults],
        new_at=list(merged.new),
        known=merged.known,
    )


def _rows(
    events: Sequence[tuple[int, PaymentEvent]], traces: Sequence[str], own_trace: str
) -> Iterator[tuple[Any, ...]]:
    # What identifies a card or an address is stored as a keyed hash only.
    cards = _hashes("card", (event.card_fingerprint for _n, event in events))
    addresses = _hashes("ip", (event.ip_hash for _n, event in events))
    for n, event in events:
        card, address = cards.get(event.card_fingerprint), addresses.get(event.ip_hash)
        yield (
            n, event.payment_id, event.customer_id, event.attempted_at, event.status, event.money, event.currency,
            event.method, event.card_bin, event.last_four, card, event.issuer_country, event.payment_country, address,
            event.device_id, event.device_kind, event.os, event.browser, event.merchant_id, event.failure_code,
            event.session_id, event.session_started_at, event.utm_source, event.utm_campaign,
            event.ip_country, event.billing_country, event.cart_at, event.basket_size, event.adult_restricted,
            traces[n] if traces else own_trace,
        )  # fmt: skip


def _hashes(purpose: str, values: Iterable[str | None]) -> dict[str | None, bytes | None]:
    """One look at the key ring for all of them: each look asks the file system whether the ring has changed."""
    known = sorted({value for value in values if value})
    return dict(zip(known, blind_indexes(purpose, known), strict=True)) if known else {}
