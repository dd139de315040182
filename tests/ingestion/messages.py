"""Messages with as little as the contract allows; each test adds what it cares about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from apps.payments.events import BehaviourEvent, OrderEvent, PaymentEvent

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
AT = datetime(2025, 12, 1, 9, 30, tzinfo=UTC)


def payment_event(**fields: Any) -> PaymentEvent:
    values = {
        "payment_id": "PAY1", "customer_id": "C1", "event": "payment_attempt", "attempted_at": AT, "amount": "42.50",
        "method": "card", "card_bin": "497010", "last_four": "1234", **fields,
    }  # fmt: skip
    return PaymentEvent(**values)


def order_event(**fields: Any) -> OrderEvent:
    values = {"order_id": "O1", "customer_id": "C1", "placed_at": AT, "total": "42.50", "status": "paid", **fields}
    return OrderEvent(**values)


def behaviour_event(**fields: Any) -> BehaviourEvent:
    return BehaviourEvent(**{"event_id": "E1", "type": "page_view", "at": AT, "customer_id": "C1", **fields})
