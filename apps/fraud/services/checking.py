"""What a payment's decision would be, were it scored now. Nothing is recorded and nothing remembered."""

from __future__ import annotations

from time import perf_counter_ns

from apps.fraud.selectors.preview import preview_facts
from apps.fraud.services.answers import preview_answer
from apps.fraud.services.carts import with_carts
from apps.fraud.services.engine import engine_current
from apps.fraud.services.scoring import event_subject, payments_preview
from apps.payments.events import InvalidEvent, PaymentEvent
from kivendtout.lib.errors import Conflict
from kivendtout.lib.tenancy import tenant_scope


def payment_check(*, tenant_id: int, event: PaymentEvent, address: str | None = None) -> bytes:
    began = perf_counter_ns()
    with tenant_scope(tenant_id):
        [event] = with_carts(tenant_id, [event])
        [facts] = preview_facts(tenant_id, [event])
        if isinstance(facts, str):
            raise Conflict(facts) if " already " in facts else InvalidEvent(facts)
        engine = engine_current(tenant_id)
        subject = event_subject(engine, event, address)
        [judged] = payments_preview(tenant_id=tenant_id, engine=engine, facts=[facts], subjects=[subject])
    latency = (perf_counter_ns() - began) // 1000
    return preview_answer(judged, event.payment_id, latency, engine.ruleset_number)
