"""The bytes of a request, before anything looks into them: the kind of body, its size, the Idempotency-Key."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from django.http import HttpRequest, UnreadablePostError

from apps.fraud.api.card_data import holds_card_number
from apps.fraud.api.errors import BodyTooLarge, InvalidRequest, MalformedBody, UnsupportedMediaType

# A payment with every field told has some 1,200 bytes; a thousand of them fit into a batch.
MOST_SINGLE: Final = 64 * 1024
MOST_BATCH: Final = 2 * 1024 * 1024
KEY_HEADER: Final = "HTTP_IDEMPOTENCY_KEY"
_VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,255}")


def read_body(request: HttpRequest, most: int) -> bytes:
    meta = request.META
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if request.content_type != "application/json" or charset not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType
    if meta.get("HTTP_CONTENT_ENCODING", "identity").lower() not in {"", "identity"}:
        raise UnsupportedMediaType
    length = meta.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length[:20]) > most:
        raise BodyTooLarge(most=f"{most:,}")
    try:
        raw = request.body
    except UnreadablePostError as error:
        raise MalformedBody("The body ended before it was whole. Send it again.") from error
    if len(raw) > most:
        raise BodyTooLarge(most=f"{most:,}")
    if not raw.strip():
        raise MalformedBody("The body is empty. Send a JSON object, with the length in Content-Length.")
    return raw


def idempotency_key(request: HttpRequest) -> str | None:
    key = request.META.get(KEY_HEADER)
    if key is None:
        return None
    if not _VISIBLE.fullmatch(key):
        raise InvalidRequest(
            "Idempotency-Key must have 1 to 255 visible ASCII characters, without spaces. A UUID is a good one.",
            field="Idempotency-Key",
        )
    if holds_card_number(key):
        raise InvalidRequest(
            "Idempotency-Key holds what looks like a card number. Take a UUID instead.", field="Idempotency-Key"
        )
    return str(key)


def request_hash(operation: str, canonical: bytes) -> bytes:
    return sha256(operation.encode() + b"\0" + canonical).digest()
