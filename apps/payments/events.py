"""What the topics carry: versioned messages, validated once, at the edge.

The structs are the contract: unknown fields, wrong types and unusable values are refused with a sentence that
names the field. `json_schemas()` publishes them; tests/ingestion/schemas pins them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from apps.payments.currencies import CURRENCIES
from apps.payments.event_text import sentence, text_fault
from kivendtout.lib.errors import InvalidInput
from kivendtout.lib.money import parse_amount

SCHEMA_VERSION: Final = 1
MINOR_UNITS: Final = {code: digits for code, _number, digits, _name in CURRENCIES}
STATUS_OF: Final = {"payment_attempt": "pending", "payment_success": "success", "payment_failed": "failed"}
# Card payments on the internet are younger than this; an earlier time is a clock that was never set.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
# Clocks of partners differ, and some send local time as UTC: a day covers both.
AHEAD: Final = timedelta(days=1)
# 64 is the width of every external id in the database.
MOST_LINES: Final = 500
# As many as one order line may hold.
MOST_ARTICLES: Final = 1_000_000

Id = Annotated[str, Meta(min_length=1, max_length=64)]
Country = Annotated[str, Meta(min_length=2, max_length=2, pattern="^[A-Z]{2}$")]
Currency = Annotated[str, Meta(min_length=3, max_length=3, pattern="^[A-Z]{3}$")]
Amount = Annotated[str, Meta(min_length=1, max_length=15, pattern=r"^[0-9]{1,11}(\.[0-9]{1,3})?$")]
Moment = Annotated[datetime, Meta(tz=True)]
DeviceKind = Literal["web_desktop", "web_mobile", "ios", "android"]
Method = Literal["card", "paypal", "apple_pay", "google_pay", "bank_transfer"]
Short = Annotated[str, Meta(max_length=32)]
Label = Annotated[str, Meta(max_length=64)]
IpHash = Annotated[str, Meta(min_length=1, max_length=128)]


class InvalidEvent(InvalidInput):
    code = "invalid_event"
    message = "The message cannot be used. Correct it and send it again."


class Message(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    def __post_init__(self) -> None:
        if fault := text_fault(self):
            raise ValueError(fault)

    def moments(self) -> list[tuple[str, datetime | None]]:
        raise NotImplementedError

    def _check_moments(self) -> None:
        for name, moment in self.moments():
            if moment is not None and moment < EARLIEST:
                raise ValueError(f"{name} lies before {EARLIEST:%Y}. Send the time of the event in RFC 3339.")

    def ahead_fault(self, now: datetime) -> str | None:
        """Why the message comes from the future, or None. Apart, because a message does not read the clock."""
        for name, moment in self.moments():
            if moment is not None and moment > now + AHEAD:
                return f"{name} lies more than a day ahead. Check the sender's clock and time zone."
        return None


def _check_money(amount: str, currency: str) -> None:
    if currency not in MINOR_UNITS:
        raise ValueError(f"currency {currency!r} is not one that payments can be made in. Use one such as EUR.")
    try:
        parse_amount(amount, MINOR_UNITS[currency])
    except InvalidInput as error:
        raise ValueError(error.message) from error


class PaymentEvent(Message, frozen=True, kw_only=True):
    """An attempt to pay, or what became of it. `attempted_at` is the attempt's time in all of them."""

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


M = TypeVar("M", bound=Message)
encode: Callable[[Message], bytes] = msgspec.json.Encoder().encode
_DECODERS: Final[dict[type[Message], msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(kind) for kind in (PaymentEvent, OrderEvent, BehaviourEvent)
}
# A message of ours has a few hundred bytes; an order of 500 lines some 50,000.
LARGEST: Final = 200_000


def decode(kind: type[M], raw: bytes, *, now: datetime) -> M:
    """The message, or InvalidEvent with a sentence that says what is wrong with it."""
    if len(raw) > LARGEST:
        raise InvalidEvent(f"The message has {len(raw):,} bytes; at most {LARGEST:,} are read.")
    try:
        message: M = _DECODERS[kind].decode(raw)
    except msgspec.ValidationError as error:
        raise InvalidEvent(sentence(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent("The message is not JSON in UTF-8. Send one JSON object a message.") from error
    if fault := message.ahead_fault(now):
        raise InvalidEvent(fault)
    return message


def json_schemas() -> dict[str, dict[str, Any]]:
    """By topic kind, for partners and for the snapshot test."""
    kinds = {"payment": PaymentEvent, "order": OrderEvent, "behaviour": BehaviourEvent}
    return {name: msgspec.json.schema(kind) for name, kind in kinds.items()}
