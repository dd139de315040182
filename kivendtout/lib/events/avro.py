"""Avro on a topic, told from JSON by its first byte. Filled in with the schema registry."""

from __future__ import annotations

from typing import Any, Final

from kivendtout.lib.events.base import Event
from kivendtout.lib.events.errors import Malformed

# Confluent's wire format: a zero byte, the schema's number in four, the record. No JSON begins so.
MAGIC: Final = b"\x00"


def record_of(kind: type[Event], raw: bytes) -> dict[str, Any]:
    raise Malformed("The message is Avro, and no schema registry is set here. Set SCHEMA_REGISTRY_URL, or send JSON.")


def version_of(raw: bytes) -> int | None:
    return None
