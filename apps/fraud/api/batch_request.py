"""The body of a batch: its payments, each still in bytes, so that a bad one does not hold up the others."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from apps.fraud.api.errors import InvalidRequest
from apps.fraud.api.inspect import Pairs, inspected

MOST: Final = 1_000
_SHAPE: Final = 'Send an array of payments, or {"payments": […]}.'


class BatchRequest(Struct, forbid_unknown_fields=True):
    payments: list[Raw]


_decode: Final = msgspec.json.Decoder(BatchRequest | list[Raw]).decode


def split_batch(raw: bytes) -> list[bytes]:
    try:
        body = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        raise _refusal(raw) from None
    if isinstance(body, BatchRequest):
        if raw.count(b'"payments"') != 1 or b"\\" in raw:
            _check_once(raw)
        body = body.payments
    if not 1 <= len(body) <= MOST:
        raise InvalidRequest(f"A batch has 1 to {MOST:,} payments; this one has {len(body):,}.", field="payments")
    return [bytes(one) for one in body]


def _check_once(raw: bytes) -> None:
    """Only the outer object is looked at: what is wrong inside a payment is told with that payment."""
    try:
        inspected(raw)
    except InvalidRequest as fault:
        if fault.field == "payments":
            raise


def _refusal(raw: bytes) -> InvalidRequest:
    try:
        body = inspected(raw)
    except InvalidRequest as found:
        return found
    others = [name for name, _value in body if name != "payments"] if isinstance(body, Pairs) else []
    if others:
        return InvalidRequest(f"{others[0][:64]!r} is not a field of a batch. {_SHAPE}", field=others[0][:64])
    return InvalidRequest(f"The body is no batch. {_SHAPE}")
