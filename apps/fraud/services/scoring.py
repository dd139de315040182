"""A payment comes in, a decision goes out: the one path for the API, the stream and batches.

    record → what is known → features → rules and lists → decision → stored with its alert and its messages → commit

Feature state is told inside the transaction, after the payment is recorded and before it is committed: a payment
that cannot be recorded leaves no trace there. If the commit itself fails, state knows an attempt that has no row yet;
its repetition, under the same payment id, finds it counted once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import perf_counter_ns

from django.db import transaction

from apps.customers.models import Customer
from apps.fraud.engine.decide import judgement_bytes
from apps.fraud.engine.event import Facts
from apps.fraud.engine.history import History
from apps.fraud.engine.lists import Subject
from apps.fraud.selectors.facts import event_facts, payment_facts
from apps.fraud.services.decisions_store import Batch, Made, decisions_insert
from apps.fraud.services.engine import Clock, Engine, Judged, engine_current
from apps.fraud.services.feature_state import state_is_whole, state_learn_if_small, state_owe
from apps.fraud.services.late_alerts import alerts_for_failures
from apps.fraud.services.lists import list_uses_count
from apps.fraud.services.scorer_trouble import troubles_tell
from apps.fraud.state.list_keys import subject_of
from apps.fraud.state.live_state import live_state
from apps.payments.events import PaymentEvent
from apps.payments.ingestion.payments_merge import ensure_months
from apps.payments.services.recording import RecordResult, payments_record
from kivendtout.lib.clock import event_time
from kivendtout.lib.tenancy import tenant_scope
from kivendtout.lib.trace import current_trace_id


@dataclass(frozen=True)
class Decided:
    """What became of each event, by its position: `made` are the new decisions."""

    recorded: RecordResult
    made: dict[int, Made] = field(default_factory=dict)
    alerts: dict[int, int] = field(default_factory=dict)
    """By payment."""
    timings: dict[str, int] = field(default_factory=dict)


def payments_decide(
    *,
    tenant_id: int,
    events: Sequence[PaymentEvent],
    source: str,
    now: datetime,
    traces: Sequence[str] = (),
    addresses: Sequence[str | None] = (),
    began_ns: int | None = None,
    engine: Engine | None = None,
) -> Decided:
    """Record the events and decide on each new payment, all or none. Repeating a call changes nothing.

    `addresses` are raw network addresses beside the events, for lists of networks; they are stored nowhere.
    """
    began, clock = began_ns or perf_counter_ns(), Clock()
    engine = engine or engine_current(tenant_id)
    # Before this transaction begins; `payments_record` then finds them there.
    ensure_months({event.attempted_at.date() for event in events if not event.ahead_fault(now)})
    with tenant_scope(tenant_id), transaction.atomic():
        step = perf_counter_ns()
        recorded = payments_record(tenant_id=tenant_id, events=events, source=source, now=now, traces=traces)
        told = zip(recorded.new, recorded.new_at, recorded.contexts, strict=True)
        fresh = {pk: event_facts(events[n], context) for pk, n, context in told}
        results = dict(zip(recorded.changed, payment_facts(tenant_id, recorded.changed), strict=True))
        clock.add("record", step)
        step = perf_counter_ns()
        histories = _remember(tenant_id, fresh, results, now)
        clock.add("state", step)
        subjects = [event_subject(engine, events[n], addresses[n] if addresses else None) for n in recorded.new_at]
        judged = engine.judge(list(fresh.values()), subjects, histories, clock)
        trace = current_trace_id() or ""
        ids = zip(recorded.new, recorded.new_at, fresh.values(), judged, strict=True)
        latency = (perf_counter_ns() - began) // 1000
        made = {
            n: Made(pk, one, result, judgement_bytes(result.judgement), traces[n] if traces else trace, latency,
                    engine.ruleset_number)
            for pk, n, one, result in ids
        }  # fmt: skip
        batch = Batch(tenant_id, source, now, clock.spent)
        step = perf_counter_ns()
        alerts = decisions_insert(batch=batch, made=list(made.values())) if made else {}
        if results and engine.policy.alerts == "points":
            heard = {pk: traces[n] for n, pk in recorded.known.items()} if traces else {}
            alerts |= alerts_for_failures(
                tenant_id=tenant_id, payments=results, policy=engine.policy, now=now, rules=engine.rules, traces=heard
            )
        clock.add("store", step)
        _count_uses(tenant_id, judged, now)
        troubles_tell(tenant_id=tenant_id, troubles=engine.troubles, now=now)
    return Decided(recorded, made, alerts, clock.spent)


def payments_preview(
    *, tenant_id: int, engine: Engine, facts: Sequence[Facts], subjects: Sequence[Subject]
) -> list[Judged]:
    """The same judgement, nothing recorded and nothing remembered."""
    histories = live_state().look(tenant_id, facts)
    if not state_is_whole(tenant_id):
        histories = None
    return engine.judge(facts, subjects, histories, Clock())


def _remember(
    tenant_id: int, fresh: dict[int, Facts], results: dict[int, Facts], now: datetime
) -> list[History] | None:
    """What became of earlier payments first, then the new ones, then results that came with them in one batch."""
    if not fresh and not results:
        return []
    before = [one for pk, one in results.items() if pk not in fresh]
    after = [one for pk, one in results.items() if pk in fresh]
    observed = live_state().observe(tenant_id, [*before, *fresh.values(), *after], now=event_time(now))
    histories = observed.histories
    if not observed.remembered:
        state_owe(tenant_id=tenant_id, payments=[*fresh, *results], now=now)
    elif histories is None and state_learn_if_small(tenant_id=tenant_id, now=now):
        return live_state().look(tenant_id, list(fresh.values()))
    if histories is None or not state_is_whole(tenant_id):
        return None
    return histories[len(before) : len(before) + len(fresh)]


def event_subject(engine: Engine, event: PaymentEvent, address: str | None) -> Subject:
    kinds = engine.lists.kinds
    index = None
    if "email" in kinds:
        found = Customer.objects.filter(external_id=event.customer_id).values_list("email_index", flat=True).first()
        index = bytes(found) if found else None
    return subject_of(
        kinds=kinds,
        customer=event.customer_id,
        email_index=index,
        device=event.device_id,
        card_fingerprint=event.card_fingerprint,
        ip_hash=event.ip_hash,
        address=address,
        countries=(event.payment_country, event.ip_country, event.issuer_country),
        card_bin=event.card_bin,
        merchant=event.merchant_id,
    )


def _count_uses(tenant_id: int, judged: Sequence[Judged], now: datetime) -> None:
    """After the commit: the entry of a busy country would otherwise make every scorer wait for every other."""
    uses = Counter(hit.entry for one in judged for hit in one.inputs.lists)
    if uses:
        transaction.on_commit(partial(list_uses_count, tenant_id=tenant_id, uses=uses, at=now), robust=True)
