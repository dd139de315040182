"""A message that cannot be used, as a dead letter: with its reason, its place, and nothing that may not be kept.

Whatever bytes come in, a letter comes out: this is where messages go that nothing else could read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from apps.fraud.services.letter import CODES
from apps.fraud.services.letters import header_of, retries_of
from kivendtout.lib.kafka import DEAD_LETTERS, TENANT_HEADER
from kivendtout.lib.redact import redact_cards
from kivendtout.lib.trace import HEADER, parse_traceparent

Headers = list[tuple[str, bytes]]
UNKNOWN_CODE: Final = "invalid"
# A topic takes 1,048,588 bytes by default, headers and framing included. What is left is ample for ours.
MOST_BYTES: Final = 1_000_000
# An id has 64 characters of at most four bytes.
MOST_KEY_BYTES: Final = 256
MOST_REASON: Final = 1_000
MOST_SLUG: Final = 50
# Digits, spaces and dashes that a JSON text may hide from the eye as escapes.
_ESCAPED: Final = re.compile(r"\\u00(2[0d]|3[0-9])", re.I)


class Message(Protocol):
    """What `batch.Raw` has, and all that is asked of it."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...
    @property
    def place(self) -> str: ...


class Dead(NamedTuple):
    """What a producer sends."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers


def dead_letter_of(
    raw: Message, reason: str, code: str = UNKNOWN_CODE, *, failed_at: datetime, retries: int | None = None
) -> Dead:
    """`retries`: how often it was sent again before; a message that was says so itself."""
    value, value_masked = _masked(raw.value)
    key, key_fault = _kept_key(raw.key)
    headers = [
        ("reason", _text(reason, MOST_REASON)),
        ("code", (code if code in CODES else UNKNOWN_CODE).encode()),
        ("source", raw.place.encode("utf-8", "replace")),
        ("failed_at", failed_at.isoformat().encode()),
        ("retries", str(retries_of(raw.headers) if retries is None else retries).encode()),
        *_travelling(raw.headers),
    ]
    masked = [name for name, hit in (("value", value_masked), ("key", key_fault == "masked")) if hit]
    cut = [name for name, hit in (("value", len(value) > MOST_BYTES), ("key", key_fault == "cut")) if hit]
    headers += [("masked", ",".join(masked).encode())] if masked else []
    headers += [("cut", ",".join(cut).encode()), ("bytes", str(len(raw.value)).encode())] if cut else []
    return Dead(f"{raw.topic}{DEAD_LETTERS}", key, value[:MOST_BYTES], headers)


def _travelling(headers: Sequence[tuple[str, bytes | None]]) -> Headers:
    """Of the sender's headers, tenant and trace; the others are nobody's, and may hold anything."""
    kept: Headers = []
    if slug := _text(header_of(headers, TENANT_HEADER).decode("utf-8", "replace"), MOST_SLUG):
        kept.append((TENANT_HEADER, slug))
    trace = header_of(headers, HEADER)
    return [*kept, (HEADER, trace)] if parse_traceparent(trace) else kept


def _text(text: str, most: int) -> bytes:
    """For a header: printable, without card numbers, and of a length to read."""
    shown = "".join(letter if letter.isprintable() else " " for letter in redact_cards(text))
    return shown.strip()[:most].encode("utf-8", "replace")


def _kept_key(key: bytes | None) -> tuple[bytes | None, str]:
    """A key says only where a message goes; one that is no id, or holds a card number, is left out."""
    if key is None or (len(key) <= MOST_KEY_BYTES and not _masked(key)[1]):
        return key, ""
    return None, "cut" if len(key) > MOST_KEY_BYTES else "masked"


def _masked(value: bytes) -> tuple[bytes, bool]:
    """Latin-1 gives each byte a character and takes it back, so that what is no text at all stays as it is."""
    text = redact_cards(value.decode("latin-1"))
    # Then with escapes read, then as UTF-16, where each digit is followed by a NUL.
    for seen_as in (_unescaped, _without_nul):
        seen = seen_as(text)
        if seen != text and (clean := redact_cards(seen)) != seen:
            text = clean
    return (value, False) if (masked := text.encode("latin-1")) == value else (masked, True)


def _without_nul(text: str) -> str:
    return text.replace("\0", "")


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "\\u00" in text else text
