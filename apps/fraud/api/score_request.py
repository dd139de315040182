"""The body of a score: a payment event with friendlier defaults, decoded once, told exactly what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta

from apps.fraud.api.card_data import SUSPECT, holds_card_number
from apps.fraud.api.errors import CardDataSent, InvalidRequest, MalformedBody
from apps.fraud.api.inspect import inspected
from apps.payments.event_text import sentence
from apps.payments.events import Moment, PaymentEvent
from kivendtout.lib.addresses import country_of

# Clocks differ by seconds; five minutes ahead is a wrong one, and every window of time would suffer from it.
AHEAD: Final = timedelta(minutes=5)
# Features look back a year at most, and such old payments have their result: they belong into a load.
OLDEST: Final = timedelta(days=400)


class Asked(NamedTuple):
    event: PaymentEvent
    address: str | None
    canonical: bytes
    """The request without spaces and in the order of our fields: what an Idempotency-Key stands for."""


def _fields() -> list[tuple[str, Any, Any]]:
    """Those of the event, so that the two can never differ."""
    friendlier: dict[str, tuple[Any, Any]] = {"event": (None, "payment_attempt"), "attempted_at": (Moment | None, None)}
    fields: list[tuple[str, Any, Any]] = []
    for one in msgspec.structs.fields(PaymentEvent):
        kind, default = friendlier.get(one.name, (None, one.default))
        fields.append((one.name, kind or one.type, default))
    return [*fields, ("ip_address", Annotated[str, Meta(min_length=1, max_length=64)] | None, None)]


ScoreRequest = msgspec.defstruct(
    "ScoreRequest",
    [(name, kind) if default is msgspec.NODEFAULT else (name, kind, default) for name, kind, default in _fields()],
    kw_only=True,
    frozen=True,
    forbid_unknown_fields=True,
)
FIELDS: Final = ScoreRequest.__struct_fields__
_decode: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(ScoreRequest).decode
_encode: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode
_FIRST_WORD: Final = re.compile(r"'?([A-Za-z_][A-Za-z0-9_]*)")


def read_payment(raw: bytes, now: datetime) -> Asked:
    try:
        asked = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _refusal(raw, error) from None  # its words may quote the body
    told: dict[str, Any] = {name: getattr(asked, name) for name in FIELDS}
    _check_texts(raw, told)
    canonical = _encode(asked)
    address = _address(told.pop("ip_address"))
    if address is not None:
        told["ip_hash"] = told["ip_hash"] or address
        told["ip_country"] = told["ip_country"] or country_of(address)
    told["attempted_at"] = told["attempted_at"] or now
    try:
        event = PaymentEvent(**told)
    except ValueError as error:
        raise _fault(str(error)) from None
    _check_moments(event, now)
    return Asked(event, address, canonical)


def _check_texts(raw: bytes, told: dict[str, Any]) -> None:
    """What the decoder lets pass: keys that stand twice, and card numbers in whatever writing."""
    joined = "|".join(value for value in told.values() if type(value) is str)
    if not joined.isascii() or SUSPECT.search(joined):
        for name, value in told.items():
            if type(value) is str and holds_card_number(value):
                raise CardDataSent(field=name)
    if b"\\" in raw or _names_twice(raw):
        inspected(raw)


def _names_twice(raw: bytes) -> bool:
    """Without backslashes, quotes stand around keys and texts only: more of them than are left hide a second one."""
    kept: dict[str, Any] = msgspec.json.decode(raw)
    texts = sum(type(value) is str for value in kept.values())
    return raw.count(b'"') != 2 * (len(kept) + texts)


def _refusal(raw: bytes, error: Exception) -> InvalidRequest:
    """Why the decoder refused. Card data is told before anything else, and then nothing else is."""
    try:
        body = inspected(raw)
    except InvalidRequest as found:
        return found
    if not isinstance(body, list) or type(body) is list:
        return InvalidRequest("The body must be one JSON object: a payment. For several, use /api/v1/score/batch.")
    if not isinstance(error, msgspec.ValidationError):
        return MalformedBody()
    if "out of range" in str(error):  # the decoder does not say where
        return InvalidRequest("A number in the body is out of range. The only one a payment has is basket_size.")
    return _fault(sentence(str(error)))


def _fault(text: str) -> InvalidRequest:
    """Sentences about a field begin with its name."""
    if "looks like a card number" in text:
        return CardDataSent()
    found = _FIRST_WORD.match(text)
    name = found[1] if found else ""
    name = "amount" if text.startswith("The amount ") else name
    return InvalidRequest(text, field=name if name in FIELDS or text.startswith("'") else None)


def _address(told: str | None) -> str | None:
    """In the one way of writing it, so that the same address has the same hash."""
    if told is None:
        return None
    try:
        parsed = ip_address(told.strip())
    except ValueError:
        parsed = None
    if parsed is None or "%" in told:
        raise InvalidRequest(
            "ip_address is not a network address. Send it like 192.0.2.7 or 2001:db8::7.", field="ip_address"
        )
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


def _check_moments(event: PaymentEvent, now: datetime) -> None:
    for name, moment in event.moments():
        if moment is None:
            continue
        if moment > now + AHEAD:
            raise InvalidRequest(
                f"{name} lies more than five minutes ahead. Check the sender's clock and time zone.", field=name
            )
        if moment < now - OLDEST:
            raise InvalidRequest(
                f"{name} lies more than 400 days back. Old payments are loaded as history, not scored.", field=name
            )
