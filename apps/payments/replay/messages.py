"""A row of an export as the message that the shop's own systems would have sent."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from apps.payments.replay.timeline import ATTEMPT, EVENT, ORDER, SESSION, Item

PAYMENTS, ORDERS, USER_EVENTS, CART_EVENTS = "payments", "orders", "user-events", "cart-events"
CART_TYPES = frozenset({"add_to_cart", "remove_from_cart", "view_cart"})
# Sessions that a payment may still come from; an hour of a large shop.
RECENT_SESSIONS = 200_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Outgoing:
    topic: str
    key: bytes
    value: bytes


@dataclass
class Teller:
    """Turns items into messages. `suffix` makes the ids of a pass new ones; `clock` says when an item happens now."""

    suffix: str = ""
    counted: dict[str, int] = field(default_factory=dict)
    _sessions: OrderedDict[str, tuple[str, dict[str, Any]]] = field(default_factory=OrderedDict)
    _attempts: dict[str, int] = field(default_factory=dict)

    def tell(self, item: Item, at: int) -> Outgoing | None:
        """`at` is the time to tell, in microseconds: the item's own, or now's in a live replay."""
        _time, kind, _number, row = item
        if kind == SESSION:
            self._remember(row, at)
            return None
        if kind == EVENT:
            return self._behaviour(row, at)
        if kind == ORDER:
            return self._order(row, at)
        return self._payment(row, at, kind)

    def _own(self, identity: str | None) -> str | None:
        return f"{identity}{self.suffix}" if identity else None

    def _remember(self, row: dict[str, Any], at: int) -> None:
        self._sessions[row["session_id"]] = (_moment(at), row)
        if len(self._sessions) > RECENT_SESSIONS:
            self._sessions.popitem(last=False)

    def _payment(self, row: dict[str, Any], at: int, kind: int) -> Outgoing:
        payment = row["payment_id"]
        if kind == ATTEMPT:
            event = "payment_attempt"
            attempted_at = self._attempts[payment] = at
        else:
            event = f"payment_{row['result']}"
            attempted_at = self._attempts.pop(payment, at)
        started_at, session = self._sessions.get(row["session_id"], (None, {}))
        message = {
            "schema_version": 1,
            "payment_id": self._own(payment),
            "customer_id": row["customer_id"],
            "event": event,
            "attempted_at": _moment(attempted_at),
            "amount": row["amount"],
            "currency": row["currency"] or "EUR",
            "method": row["method"],
            "card_bin": row["card_bin"],
            "last_four": row["last4"],
            "card_fingerprint": row["card_fingerprint"],
            "issuer_country": row["issuer_country"],
            "payment_country": row["payment_country"],
            "ip_hash": row["ip_hash"],
            "device_id": row["device_id"],
            "device_kind": row["device_kind"] or session.get("device"),
            "os": row["os"],
            "browser": row["browser"],
            "merchant_id": row["merchant_id"],
            "failure_code": row["failure_code"] if event == "payment_failed" else None,
            "session_id": self._own(row["session_id"]),
            "session_started_at": started_at,
            "utm_source": session.get("utm_source"),
            "utm_campaign": session.get("utm_campaign"),
            "ip_country": row["ip_country"],
            "billing_country": row["billing_country"],
            # As long before the attempt as it was: told anew or faster, a hasty checkout stays one.
            "cart_at": _moment(attempted_at - (row["at"] - row["cart_at"])) if row["cart_at"] is not None else None,
            "basket_size": row["basket_size"],
            "adult_restricted": row["adult_restricted"],
        }
        return _outgoing(PAYMENTS, row["customer_id"], message)

    def _order(self, row: dict[str, Any], at: int) -> Outgoing:
        message = {
            "schema_version": 1,
            "order_id": self._own(row["order_id"]),
            "customer_id": row["customer_id"],
            "placed_at": _moment(at),
            "total": row["total_amount"],
            "currency": row["currency"],
            "status": row["status"],
            "shipping_method": row["shipping_method"],
            "session_id": self._own(row["session_id"]),
            "payment_id": self._own(row["payment_id"]),
        }
        return _outgoing(ORDERS, row["customer_id"], message)

    def _behaviour(self, row: dict[str, Any], at: int) -> Outgoing | None:
        kind = row["event_type"]
        if row["told"]:
            self._count("payment events told by the payments topic")
            return None
        if kind.startswith("payment_"):
            self._count("payment events without a known payment")
        message = {
            "schema_version": 1,
            "event_id": self._own(row["event_id"]),
            "type": kind,
            "at": _moment(at),
            "customer_id": row["customer_id"],
            "session_id": self._own(row["session_id"]),
            "device": row["device"],
            "ip_hash": row["ip_hash"],
            "utm_source": row["utm_source"],
            "utm_campaign": row["utm_campaign"],
            "product_id": row["product_id"],
            "cart_value": row["cart_value"],
            "payment_id": self._own(row["payment_id"]),
            "order_id": self._own(row["order_id"]),
        }
        return _outgoing(CART_EVENTS if kind in CART_TYPES else USER_EVENTS, row["customer_id"] or "", message)

    def _count(self, what: str) -> None:
        self.counted[what] = self.counted.get(what, 0) + 1


def _outgoing(topic: str, customer: str, message: dict[str, Any]) -> Outgoing:
    told = {name: value for name, value in message.items() if value is not None}
    return Outgoing(topic, customer.encode(), _encode(told))


def _moment(microseconds: int) -> str:
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")
