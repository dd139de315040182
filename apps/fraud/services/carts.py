"""What behaviour tells feature state: when a visit last touched its cart, and what its visitor did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from apps.customers.services.behaviour import Behaviour
from apps.fraud.state.live_state import live_state
from apps.fraud.state.visits import KINDS, Seen
from apps.payments.events import BehaviourEvent, PaymentEvent
from kivendtout.lib.clock import event_time, moment_of

CART_EVENTS: Final = frozenset({"add_to_cart", "remove_from_cart", "update_cart", "view_cart", "begin_checkout"})


def note_carts(tenant_id: int, events: Sequence[BehaviourEvent]) -> None:
    """Lost when Redis is away: a payment then says that its cart is not known."""
    carts = [
        (event.session_id, event_time(event.at)) for event in events if event.session_id and event.type in CART_EVENTS
    ]
    if carts:
        live_state().note_carts(tenant_id, carts)


def note_visits(tenant_id: int, events: Iterable[Behaviour]) -> None:
    """For the features of the visit. Lost when Redis is away: a payment then says that its visit is not known."""
    seen = [
        Seen(event.session_id, event.event_id, event_time(event.at), event.type, event.product_id)
        for event in events
        if event.session_id and event.type in KINDS
    ]
    if seen:
        live_state().note_visits(tenant_id, seen)


def with_carts(tenant_id: int, events: Sequence[PaymentEvent]) -> list[PaymentEvent]:
    sessions = sorted({event.session_id for event in events if event.session_id and event.cart_at is None})
    if not sessions:
        return list(events)
    carts = live_state().carts(tenant_id, sessions)
    return [_with_cart(event, carts.get(event.session_id or "", [])) for event in events]


def _with_cart(event: PaymentEvent, carts: list[int]) -> PaymentEvent:
    moments = [moment_of(at) for at in carts]
    earlier = [moment for moment in moments if moment <= event.attempted_at]
    if event.cart_at is not None or not earlier:
        return event
    return msgspec.structs.replace(event, cart_at=max(earlier))
