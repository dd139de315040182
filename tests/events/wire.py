"""Avro as other people's producers write it: with fastavro and their own schema, not with our code."""

from __future__ import annotations

import copy
from io import BytesIO
from typing import Any

import fastavro

from kivendtout.lib.events.avro_schema import avro_schema
from kivendtout.lib.events.base import Event

Schema = dict[str, Any]


def frame(number: int, record: bytes) -> bytes:
    return b"\0" + number.to_bytes(4, "big") + record


def written(schema: Any, record: Any, number: int) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(copy.deepcopy(schema)), record)
    return frame(number, out.getvalue())


def schema_with(kind: type[Event], **fields: Any) -> Schema:
    """Our schema with other types for some fields; `...` leaves one out, a new name adds one."""
    schema = avro_schema(kind)
    kept = [field for field in schema["fields"] if field["name"] not in fields]
    return schema | {"fields": kept + [{"name": name, "type": one} for name, one in fields.items() if one is not ...]}
