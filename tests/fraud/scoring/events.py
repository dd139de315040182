"""Payment events with as little as a test cares about."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

from apps.payments.events import PaymentEvent

NOON = datetime(2025, 12, 1, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def an_event(customer: Any, **fields: Any) -> PaymentEvent:
    values: dict[str, Any] = {
        "payment_id": f"P{next(_numbers):06d}",
        "customer_id": customer.external_id,
        "event": "payment_attempt",
        "attempted_at": NOON,
        "amount": "42.50",
        "method": "card",
        "card_bin": "497010",
        "last_four": "1234",
        "card_fingerprint": f"card-of-{customer.external_id}",
        "payment_country": "FR",
        "device_id": f"device-of-{customer.external_id}",
        "device_kind": "web_desktop",
        "ip_hash": f"address-of-{customer.external_id}",
        **fields,
    }
    return PaymentEvent(**values)
