"""What a payment's facts would be once it were recorded, from its event and what is stored; nothing is written.

It says in look-ups what `payments_sql.py` says in inserts: what is known stays as it is known, what is new is as told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from django.db import connection

from apps.fraud.engine.event import RANK, Facts
from apps.fraud.selectors.facts import event_facts, payment_facts
from apps.payments.events import PaymentEvent
from apps.payments.ingestion.payments_merge import Context
from kivendtout.lib.crypto.hashing import keyed_hash

_ARRAYS: Final = ["payment", "customer", "merchant", "session", "device", "method", "bin", "last_four"]
# As payments_sql.FIND, one descent of an index per question and payment.
STORED: Final = f"""
SELECT c.id, c.country, (extract(epoch FROM c.registered_at) * 1000000)::bigint, c.segment, h.id, h.country, h.mcc,
       w.id, w.customer_id, w.device_kind, w.utm_source, w.utm_campaign, d.id, d.kind, d.os, d.browser,
       m.id, m.issuer_country, r.id, p.customer_id, p.amount, p.currency_id
FROM unnest({", ".join(f"%({name})s::text[]" for name in _ARRAYS)}, %(card)s::bytea[])
    WITH ORDINALITY AS s({", ".join(_ARRAYS)}, card, n)
LEFT JOIN LATERAL (SELECT * FROM customers_customer
    WHERE tenant_id = %(tenant)s AND external_id = s.customer LIMIT 1) c ON true
LEFT JOIN LATERAL (SELECT * FROM payments_merchant
    WHERE tenant_id = %(tenant)s AND external_id = s.merchant LIMIT 1) h ON true
LEFT JOIN LATERAL (SELECT * FROM customers_websession
    WHERE tenant_id = %(tenant)s AND external_id = s.session LIMIT 1) w ON true
LEFT JOIN LATERAL (SELECT * FROM customers_device
    WHERE tenant_id = %(tenant)s AND fingerprint = s.device LIMIT 1) d ON true
LEFT JOIN LATERAL (SELECT * FROM payments_paymentmethod
    WHERE customer_id = c.id AND kind = s.method AND bin = coalesce(s.bin, '')
      AND last_four = coalesce(s.last_four, '') AND number_hash IS NOT DISTINCT FROM s.card LIMIT 1) m ON true
LEFT JOIN LATERAL (SELECT id, attempted_at FROM payments_paymentreference
    WHERE tenant_id = %(tenant)s AND external_id = s.payment LIMIT 1) r ON true
LEFT JOIN LATERAL (SELECT customer_id, amount, currency_id FROM payments_payment
    WHERE id = r.id AND attempted_at = r.attempted_at LIMIT 1) p ON true
ORDER BY s.n
"""  # noqa: S608  constants only


class Stored(NamedTuple):
    customer: int | None
    profile_country: str | None
    registered_at: int | None
    segment: str | None
    merchant: int | None
    merchant_country: str | None
    merchant_mcc: str | None
    session: int | None
    session_customer: int | None
    session_kind: str | None
    session_source: str | None
    session_campaign: str | None
    device: int | None
    device_kind: str | None
    os: str | None
    browser: str | None
    method: int | None
    issuer_country: str | None
    known: int | None
    known_customer: int | None
    known_amount: Any
    known_currency: str | None


def preview_facts(tenant_id: int, events: Sequence[PaymentEvent]) -> list[Facts | str]:
    """Facts per event, or the sentence with which recording it would be refused."""
    cards = [keyed_hash("card", event.card_fingerprint) if event.card_fingerprint else None for event in events]
    values: dict[str, Any] = {
        "tenant": tenant_id,
        "payment": [event.payment_id for event in events],
        "customer": [event.customer_id for event in events],
        "merchant": [event.merchant_id for event in events],
        "session": [event.session_id for event in events],
        "device": [event.device_id for event in events],
        "method": [event.method for event in events],
        "bin": [event.card_bin for event in events],
        "last_four": [event.last_four for event in events],
        "card": cards,
    }
    with connection.cursor() as cursor:
        cursor.execute(STORED, values)
        rows = [Stored(*row) for row in cursor.fetchall()]
    return [_preview(tenant_id, *one) for one in zip(events, cards, rows, strict=True)]


def _preview(tenant_id: int, event: PaymentEvent, card: bytes | None, stored: Stored) -> Facts | str:
    if fault := _fault(event, stored):
        return fault
    if stored.known is not None:
        [known] = payment_facts(tenant_id, [stored.known])
        moves = RANK[known.status] == 0
        return msgspec.structs.replace(known, status=event.status) if moves else known
    return event_facts(event, _context(event, card, stored))


def _fault(event: PaymentEvent, stored: Stored) -> str | None:
    """In the order, and the words, of payments_sql.FIND."""
    if stored.customer is None:
        return f"customer_id {event.customer_id} is not a known customer. Load the customer first."
    if event.merchant_id is not None and stored.merchant is None:
        return f"merchant_id {event.merchant_id} is not a known merchant. Load the merchant first."
    if stored.session is not None and stored.session_customer != stored.customer:
        return f"session_id {event.session_id} belongs to another customer."
    if stored.known is None or stored.known_customer is None:
        return None
    if stored.known_customer != stored.customer:
        return f"payment_id {event.payment_id} is already recorded for another customer."
    if stored.known_amount != event.money or stored.known_currency != event.currency:
        return f"payment_id {event.payment_id} is already recorded with another amount."
    return None


def _context(event: PaymentEvent, card: bytes | None, stored: Stored) -> Context:
    """What would be on record around the payment: a new device, visit or method is as its event tells it."""
    return Context(
        card=card.hex() if card else None,
        ip=keyed_hash("ip", event.ip_hash).hex() if event.ip_hash else None,
        profile_country=stored.profile_country,
        registered_at=stored.registered_at,
        segment=stored.segment,
        merchant_country=stored.merchant_country,
        merchant_mcc=stored.merchant_mcc,
        device_kind=_kind(event, stored),
        os=stored.os,
        browser=stored.browser,
        utm_source=stored.session_source,
        utm_campaign=stored.session_campaign,
        card_country=event.issuer_country if stored.method is None else stored.issuer_country,
    )


def _kind(event: PaymentEvent, stored: Stored) -> str | None:
    """The device's own when it has one; a new device takes what is told, else what its visit was on."""
    is_new_device = event.device_id is not None and stored.device is None
    return stored.device_kind or (event.device_kind if is_new_device else None) or stored.session_kind
