"""What the topics carry: versioned messages, validated once, at the edge.

The structs are the contract: unknown fields, wrong types and unusable values are refused with a sentence that
names the field. `event_schemas` publishes them in docs/events/; tests/ingestion/schemas pins them too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

from apps.payments.currencies import CURRENCIES
from apps.payments.event_meanings import BEHAVIOUR, ORDER, PAYMENT
from apps.payments.event_text import HINTS
from kivendtout.lib.errors import InvalidInput
from kivendtout.lib.events import AHEAD, EARLIEST, Id, InvalidEvent, Message, Moment, Topic, decode, encode
from kivendtout.lib.money import parse_amount

__all__ = [
    "AHEAD", "EARLIEST", "BehaviourEvent", "Id", "InvalidEvent", "Message", "Moment", "OrderEvent", "OrderLine",
    "PaymentEvent", "decode", "encode", "json_schemas",
]  # fmt: skip
SCHEMA_VERSION: Final = 1
MINOR_UNITS: Final = {code: digits for code, _number, digits, _name in CURRENCIES}
STATUS_OF: Final = {"payment_attempt": "pending", "payment_success": "success", "payment_failed": "failed"}
MOST_LINES: Final = 500
# As many as one order line may hold.
MOST_ARTICLES: Final = 1_000_000

Country = Annotated[str, Meta(min_length=2, max_length=2, pattern="^[A-Z]{2}$")]
Currency = Annotated[str, Meta(min_length=3, max_length=3, pattern="^[A-Z]{3}$")]
Amount = Annotated[str, Meta(min_length=1, max_length=15, pattern=r"^[0-9]{1,11}(\.[0-9]{1,3})?$")]
DeviceKind = Literal["web_desktop", "web_mobile", "ios", "android"]
Method = Literal["card", "paypal", "apple_pay", "google_pay", "bank_transfer"]
Short = Annotated[str, Meta(max_length=32)]
Label = Annotated[str, Meta(max_length=64)]
IpHash = Annotated[str, Meta(min_length=1, max_length=128)]


def _check_money(amount: str, currency: str) -> None:
    if currency not in MINOR_UNITS:
        raise ValueError(f"currency {currency!r} is not one that payments can be made in. Use one such as EUR.")
    try:
        parse_amount(amount, MINOR_UNITS[currency])
    except InvalidInput as error:
        raise ValueError(error.message) from error


class PaymentEvent(Message, frozen=True, kw_only=True):
    """An attempt to pay, or what became of it. `attempted_at` is the attempt's time in all of them."""

    HINTS: ClassVar[Mapping[str, str]] = HINTS
    schema_version: Literal[1] = SCHEMA_VERSION
    payment_id: Id
    customer_id: Id
    event: Literal["payment_attempt", "payment_success", "payment_failed"]
    attempted_at: Moment
    amount: Amount
    currency: Currency = "EUR"
    method: Method
    card_bin: Annotated[str, Meta(min_length=6, max_length=8, pattern="^([0-9]{6}|[0-9]{8})$")] | None = None
    last_four: Annotated[str, Meta(min_length=4, max_length=4, pattern="^[0-9]{4}$")] | None = None
    card_fingerprint: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    issuer_country: Country | None = None
    payment_country: Country | None = None
    ip_hash: IpHash | None = None
    device_id: Id | None = None
    device_kind: DeviceKind | None = None
    os: Short | None = None
    browser: Short | None = None
    merchant_id: Id | None = None
    failure_code: Short | None = None
    session_id: Id | None = None
    session_started_at: Moment | None = None
    utm_source: Label | None = None
    utm_campaign: Label | None = None
    ip_country: Country | None = None
    billing_country: Country | None = None
    cart_at: Moment | None = None
    basket_size: Annotated[int, Meta(ge=0, le=MOST_ARTICLES)] | None = None
    adult_restricted: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_money(self.amount, self.currency)
        self._check_moments()
        if self.cart_at is not None and self.cart_at > self.attempted_at:
            raise ValueError(
                "cart_at lies after attempted_at. Send the time of the last cart event before the payment."
            )

    def moments(self) -> list[tuple[str, datetime | None]]:
        return [
            ("attempted_at", self.attempted_at),
            ("session_started_at", self.session_started_at),
            ("cart_at", self.cart_at),
        ]

    @property
    def status(self) -> str:
        return STATUS_OF[self.event]

    @property
    def money(self) -> Decimal:
        return Decimal(self.amount)


class OrderLine(Message, frozen=True, kw_only=True):
    product_id: Id
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]
    unit_price: Amount | None = None


class OrderEvent(Message, frozen=True, kw_only=True):
    """An order as it was placed. A line without a price takes the product's list price."""

    HINTS: ClassVar[Mapping[str, str]] = HINTS
    schema_version: Literal[1] = SCHEMA_VERSION
    order_id: Id
    customer_id: Id
    placed_at: Moment
    total: Amount
    currency: Currency = "EUR"
    status: Literal["pending", "paid", "blocked", "shipped", "cancelled", "refunded"]
    shipping_method: Short | None = None
    session_id: Id | None = None
    payment_id: Id | None = None
    items: Annotated[tuple[OrderLine, ...], Meta(max_length=MOST_LINES)] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_money(self.total, self.currency)
        self._check_moments()

    def moments(self) -> list[tuple[str, datetime | None]]:
        return [("placed_at", self.placed_at)]


class BehaviourEvent(Message, frozen=True, kw_only=True):
    """Something that a visitor did: a page, a search, a cart."""

    HINTS: ClassVar[Mapping[str, str]] = HINTS
    schema_version: Literal[1] = SCHEMA_VERSION
    event_id: Id
    type: Annotated[str, Meta(min_length=1, max_length=40, pattern="^[a-z][a-z0-9_]*$")]
    at: Moment
    customer_id: Id | None = None
    session_id: Id | None = None
    device: DeviceKind | None = None
    ip_hash: IpHash | None = None
    utm_source: Label | None = None
    utm_campaign: Label | None = None
    product_id: Id | None = None
    cart_value: Amount | None = None
    payment_id: Id | None = None
    order_id: Id | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_moments()

    def moments(self) -> list[tuple[str, datetime | None]]:
        return [("at", self.at)]


_SHOP = "the shop's systems, `replay_dataset`"
_STREAM = "the stream worker"
TOPICS: Final = (
    Topic("payments", PaymentEvent, "customer_id", "partners, `replay_dataset`", _STREAM, PAYMENT),
    Topic("orders", OrderEvent, "customer_id", _SHOP, _STREAM, ORDER),
    Topic("user-events", BehaviourEvent, "customer_id, empty for strangers", _SHOP, _STREAM, BEHAVIOUR),
    Topic("cart-events", BehaviourEvent, "customer_id, empty for strangers", _SHOP, _STREAM, BEHAVIOUR),
)


def json_schemas() -> dict[str, dict[str, Any]]:
    """By kind of message, bare, for the snapshot test."""
    kinds = {"payment": PaymentEvent, "order": OrderEvent, "behaviour": BehaviourEvent}
    return {name: msgspec.json.schema(kind) for name, kind in kinds.items()}
