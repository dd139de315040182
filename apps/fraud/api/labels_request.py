"""The body of labels: each verdict is read strictly and by itself, so that a bad one does not hold up the others."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec import Raw, Struct

from apps.fraud.api.errors import CardDataSent, InvalidRequest, MalformedBody
from apps.fraud.api.inspect import Pairs, inspected
from apps.fraud.api.score_request import AHEAD
from apps.fraud.events import LabelEvent
from apps.fraud.events.label import Pattern
from apps.fraud.services.labels import label_id_of
from kivendtout.lib.events import Id, Moment
from kivendtout.lib.events.text import sentence

MOST: Final = 1_000
_SHAPE: Final = 'Send an array of labels, or {"labels": […]}.'
_FIRST_WORD: Final = re.compile(r"'?([A-Za-z_][A-Za-z0-9_]*)")


class LabelsRequest(Struct, forbid_unknown_fields=True):
    labels: list[Raw]


class LabelRequest(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    payment_id: Id
    is_fraud: bool
    source: Literal["chargeback", "analyst", "export"]
    known_at: Moment | None = None
    pattern: Pattern | None = None
    customer_id: Id | None = None
    label_id: Id | None = None
    schema_version: Literal[1] = 1


FIELDS: Final = LabelRequest.__struct_fields__
_split: Final = msgspec.json.Decoder(LabelsRequest | list[Raw]).decode
_decode: Final = msgspec.json.Decoder(LabelRequest).decode
_encode: Final = msgspec.json.Encoder().encode


def split_labels(raw: bytes) -> list[bytes]:
    try:
        body = _split(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        raise _refused_whole(raw) from None
    if isinstance(body, LabelsRequest):
        _check_once(raw)
        body = body.labels
    if not 1 <= len(body) <= MOST:
        raise InvalidRequest(f"A request has 1 to {MOST:,} labels; this one has {len(body):,}.", field="labels")
    return [bytes(one) for one in body]


class Told(NamedTuple):
    event: LabelEvent
    canonical: bytes
    """The request without spaces, in the order of our fields: what an Idempotency-Key stands for."""
    dated: bool
    """Its sender said since when it is known."""


def read_label(raw: bytes, now: datetime) -> Told:
    if not isinstance(inspected(raw), Pairs):  # card data, a field that stands twice, no JSON: told from here
        raise InvalidRequest("A label must be a JSON object.")
    try:
        asked = _decode(raw)
    except msgspec.ValidationError as error:
        raise _fault(sentence(str(error), LabelEvent.HINTS)) from None  # its words may quote the body
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        raise MalformedBody from None
    known_at = asked.known_at or now
    if known_at > now + AHEAD:
        text = "known_at lies more than five minutes ahead. Check the sender's clock and time zone."
        raise InvalidRequest(text, field="known_at")
    try:
        event = LabelEvent(
            label_id=asked.label_id or label_id_of(asked.payment_id, asked.source, asked.is_fraud, known_at),
            payment_id=asked.payment_id,
            customer_id=asked.customer_id,
            is_fraud=asked.is_fraud,
            source=asked.source,
            pattern=asked.pattern,
            known_at=known_at,
        )
    except ValueError as error:
        raise _fault(str(error)) from None
    return Told(event, _encode(asked), asked.known_at is not None)


def field_of(text: str) -> str | None:
    """Sentences about a field begin with its name."""
    found = _FIRST_WORD.match(text)
    return found[1] if found and (found[1] in FIELDS or text.startswith("'")) else None


def _fault(text: str) -> InvalidRequest:
    if "looks like a card number" in text:
        return CardDataSent()
    return InvalidRequest(text, field=field_of(text))


def _check_once(raw: bytes) -> None:
    """Only the outer object is looked at: what is wrong inside a label is told with that label."""
    try:
        inspected(raw)
    except InvalidRequest as fault:
        if fault.field == "labels":
            raise


def _refused_whole(raw: bytes) -> InvalidRequest:
    try:
        body = inspected(raw)
    except InvalidRequest as found:
        return found
    others = [name for name, _value in body if name != "labels"] if isinstance(body, Pairs) else []
    if others:
        return InvalidRequest(f"{others[0][:64]!r} is not a field of this request. {_SHAPE}", field=others[0][:64])
    return InvalidRequest(f"The body holds no labels. {_SHAPE}")
