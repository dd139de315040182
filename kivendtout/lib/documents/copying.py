"""Documents as PostgreSQL's binary COPY format: nothing to escape, so nothing to get wrong, and quick to read there."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime

from kivendtout.lib.documents.checks import Prepared

_BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # the signature; no flags; no extension
_END = b"\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL counts microseconds from here
_length = struct.Struct(">i").pack
_moment = struct.Struct(">iq").pack
_start = struct.Struct(">hiq").pack
_NULL = _length(-1)
_JSONB = b"\x01"  # the version of jsonb's binary form; the rest is JSON text
# Beside the keys: tenant_id, id, at, body.
_COLUMNS = 4


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def copy_data(tenant_id: int, batch: Sequence[Prepared]) -> bytes:
    """Rows of (tenant_id, id, at, …keys, body)."""
    start = _start(_COLUMNS + len(batch[0].keys), 8, tenant_id)
    parts = [_BEGIN]
    for one in batch:
        since = one.at - _EPOCH
        microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        parts += (start, _text(one.id), _moment(8, microseconds), *map(_text, one.keys))
        parts += (_length(len(one.text) + 1), _JSONB, one.text)
    parts.append(_END)
    return b"".join(parts)
