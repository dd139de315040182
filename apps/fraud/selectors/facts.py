"""Stored payments as the engine is told of them. One query for scoring, rebuilding, backtests and training alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection

from apps.fraud.engine.event import Facts, Status
from apps.fraud.engine.rates import euro_cents
from apps.fraud.state.layout import LabelFacts
from apps.payments.events import PaymentEvent
from apps.payments.ingestion.payments_merge import Context
from kivendtout.lib.clock import event_time

# What became of the attempt. Money given back later does not undo that it succeeded; a block is no result.
RESULT_OF: Final[dict[str, Status]] = {
    "success": "success",
    "refunded": "success",
    "disputed": "success",
    "charged_back": "success",
    "failed": "failed",
}
# Whole numbers of microseconds: a float of seconds loses the last of them.
_MICROSECONDS = "(extract(epoch FROM {0}) * 1000000)::bigint"
_COLUMNS: Final = f"""
    r.external_id, c.external_id, {_MICROSECONDS.format("p.attempted_at")}, p.amount, p.currency_id, m.kind,
    p.status_id, p.failure_code, d.fingerprint, encode(m.number_hash, 'hex'), encode(p.ip_hash, 'hex'),
    h.external_id, w.external_id, m.bin, coalesce(nullif(d.kind, ''), w.device_kind), d.os, d.browser, w.utm_source,
    w.utm_campaign, p.payment_country, p.ip_country, m.issuer_country, p.billing_country, c.country, h.country, h.mcc,
    {_MICROSECONDS.format("c.registered_at")}, c.segment, {_MICROSECONDS.format("p.cart_at")}, p.basket_size,
    p.adult_restricted
"""
_JOINS: Final = """
LEFT JOIN customers_customer c ON c.id = p.customer_id
LEFT JOIN payments_paymentmethod m ON m.id = p.method_id
LEFT JOIN customers_device d ON d.id = p.device_id
LEFT JOIN customers_websession w ON w.id = p.session_id
LEFT JOIN payments_merchant h ON h.id = p.merchant_id
"""
# LATERAL with LIMIT 1: one descent of an index per row, whatever the planner believes (see payments_sql.py).
BY_ID: Final = f"""
SELECT {_COLUMNS} FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS asked(id, n)
JOIN LATERAL (SELECT * FROM payments_paymentreference
    WHERE id = asked.id AND tenant_id = %(tenant)s LIMIT 1) r ON true
JOIN LATERAL (SELECT * FROM payments_payment WHERE id = r.id AND attempted_at = r.attempted_at LIMIT 1) p ON true
{_JOINS} ORDER BY asked.n
"""  # noqa: S608  constants only
IN_ORDER: Final = f"""
SELECT p.id, p.attempted_at, {_COLUMNS} FROM payments_payment p
JOIN payments_paymentreference r ON r.id = p.id {_JOINS}
WHERE p.tenant_id = %(tenant)s AND (p.attempted_at, p.id) > (%(after)s, %(after_id)s) AND p.attempted_at < %(until)s
ORDER BY p.attempted_at, p.id LIMIT %(limit)s
"""  # noqa: S608
LABEL_FACTS: Final = f"""
SELECT l.id, r.external_id, c.external_id, d.fingerprint, encode(m.number_hash, 'hex'), h.external_id,
       {_MICROSECONDS.format("l.known_at")}, l.is_fraud
FROM fraud_fraudlabel l
JOIN payments_paymentreference r ON r.id = l.payment_id
JOIN payments_payment p ON p.id = r.id AND p.attempted_at = r.attempted_at {_JOINS}
"""  # noqa: S608
LABELS: Final = f"{LABEL_FACTS} WHERE l.tenant_id = %(tenant)s AND l.id > %(after)s ORDER BY l.id LIMIT %(limit)s"


def payment_facts(tenant_id: int, ids: Sequence[int]) -> list[Facts]:
    """In the order asked for. An id that is not this tenant's is left out."""
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(BY_ID, {"tenant": tenant_id, "ids": list(ids)})
        return [facts_of(row) for row in cursor.fetchall()]


def event_facts(event: PaymentEvent, context: Context) -> Facts:
    """A payment just recorded, as `payment_facts` would read it back, without reading it back.

    What the sender told counts even where no table keeps it, such as the origin of a visit without a number.
    """
    money = event.money
    return Facts(
        payment_id=event.payment_id,
        customer=event.customer_id,
        at=event_time(event.attempted_at),
        amount=float(money),
        currency=event.currency,
        euro_cents=euro_cents(money, event.currency),
        method=event.method,
        status=event.status,  # type: ignore[arg-type]  # one of the three, by STATUS_OF
        failure_code=event.failure_code or "",
        device=event.device_id,
        card=context.card,
        ip=context.ip,
        merchant=event.merchant_id,
        session=event.session_id,
        card_bin=event.card_bin,
        device_kind=context.device_kind or event.device_kind or None,
        os=context.os or event.os or None,
        browser=context.browser or event.browser or None,
        utm_source=context.utm_source or event.utm_source or None,
        utm_campaign=context.utm_campaign or event.utm_campaign or None,
        payment_country=event.payment_country,
        ip_country=event.ip_country,
        card_country=context.card_country or None,
        billing_country=event.billing_country,
        profile_country=context.profile_country or None,
        merchant_country=context.merchant_country or None,
        merchant_mcc=context.merchant_mcc or None,
        registered_at=context.registered_at,
        segment=context.segment or None,
        cart_at=None if event.cart_at is None else event_time(event.cart_at),
        basket_size=event.basket_size,
        adult_restricted=event.adult_restricted,
    )


def facts_in_order(
    tenant_id: int, *, after: datetime, after_id: int = 0, until: datetime, chunk: int = 5_000
) -> Iterator[tuple[tuple[datetime, int], list[Facts]]]:
    """The tenant's payments by event time, in chunks, each with the place after which the next one starts."""
    place = (after, after_id)
    while True:
        values: dict[str, Any] = {
            "tenant": tenant_id,
            "after": place[0],
            "after_id": place[1],
            "until": until,
            "limit": chunk,
        }
        with connection.cursor() as cursor:
            cursor.execute(IN_ORDER, values)
            rows = cursor.fetchall()
        if not rows:
            return
        place = (rows[-1][1], rows[-1][0])
        yield place, [facts_of(row[2:]) for row in rows]


def label_facts(tenant_id: int, *, after: int = 0, chunk: int = 5_000) -> Iterator[tuple[int, list[LabelFacts]]]:
    while True:
        with connection.cursor() as cursor:
            cursor.execute(LABELS, {"tenant": tenant_id, "after": after, "limit": chunk})
            rows = cursor.fetchall()
        if not rows:
            return
        after = rows[-1][0]
        yield after, [label_of(row) for row in rows]


def facts_of(row: Sequence[Any]) -> Facts:
    (payment, customer, at, amount, currency, method, status, failure, device, card, ip, merchant, session, card_bin,
     kind, os, browser, source, campaign, country, ip_country, card_country, billing, profile, merchant_country, mcc,
     registered, segment, cart, basket, adult) = row  # fmt: skip
    return Facts(
        payment_id=payment,
        customer=customer,
        at=at,
        amount=float(amount),
        currency=currency,
        euro_cents=euro_cents(amount, currency),
        method=method,
        status=RESULT_OF.get(status, "pending"),
        failure_code=failure,
        device=device,
        card=card,
        ip=ip,
        merchant=merchant,
        session=session,
        card_bin=card_bin or None,
        device_kind=kind or None,
        os=os or None,
        browser=browser or None,
        utm_source=source or None,
        utm_campaign=campaign or None,
        payment_country=country or None,
        ip_country=ip_country or None,
        card_country=card_country or None,
        billing_country=billing or None,
        profile_country=profile or None,
        merchant_country=merchant_country or None,
        merchant_mcc=mcc or None,
        registered_at=registered,
        segment=segment or None,
        cart_at=cart,
        basket_size=basket,
        adult_restricted=adult,
    )


def label_of(row: Sequence[Any]) -> LabelFacts:
    _id, payment, customer, device, card, merchant, known_at, is_fraud = row
    return LabelFacts(
        payment_id=payment,
        customer=customer,
        device=device,
        card=card,
        merchant=merchant,
        known_at=known_at,
        is_fraud=is_fraud,
    )
