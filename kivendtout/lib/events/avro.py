"""Avro on a topic, in Confluent's wire format: a zero byte, the schema's number in four, the record.

Read, a message becomes what its JSON would have been, and goes through the same checks. Written, JSON of ours becomes
Avro on its way out, so that what waits in the outbox does not depend on a registry.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

import msgspec
from django.utils.translation import gettext_noop

from kivendtout.lib.errors import ServiceUnavailable
from kivendtout.lib.events.avro_safety import schema_fault
from kivendtout.lib.events.avro_schema import avro_schema
from kivendtout.lib.events.base import Event
from kivendtout.lib.events.catalogue import topic_of
from kivendtout.lib.events.errors import Malformed, UnknownSchema
from kivendtout.lib.events.registry import SchemaRegistry, schema_registry

# No JSON begins so.
MAGIC: Final = b"\x00"
HEAD: Final = 5
# Those that writers use now, and those of before.
MOST_SCHEMAS: Final = 500


class AvroMissing(ServiceUnavailable):
    code = "avro_missing"
    message = gettext_noop("Avro needs the package fastavro. Install the extra `avro`, or unset SCHEMA_REGISTRY_URL.")


def record_of(kind: type[Event], raw: bytes) -> dict[str, Any]:
    """The record as our own type has it. SchemaRegistryUnavailable passes: the message is not to blame."""
    number, writer = _writer(raw)
    try:
        return _read(raw, number, writer, _resolving(_own_registry(), number, kind))
    except _fastavro().read.SchemaResolutionError:
        # Avro knows that it does not fit, the type knows why: let it look, and say so field by field.
        return {name: one for name, one in _read(raw, number, writer, None).items() if name in kind.__struct_fields__}


def version_of(raw: bytes) -> int | None:
    """As the writer told it, whatever else the message holds."""
    number, writer = _writer(raw)
    found = _read(raw, number, writer, None).get("schema_version")
    return found if isinstance(found, int) else None


def outgoing(topic: str, value: bytes) -> bytes:
    """What a producer sends: Avro where a registry is set and the topic is one of ours, else the JSON as it is."""
    registry = schema_registry()
    known = topic_of(topic) if registry is not None else None
    if registry is None or known is None:
        return value
    try:
        version = _versioned(value).schema_version
        kind = known.versions.get(version, known.kind)
        record = msgspec.to_builtins(_decoder(kind).decode(value), builtin_types=(datetime,))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return value  # no message of that topic: whoever reads it will say why, as of any JSON
    out = BytesIO()
    out.write(MAGIC + _number(registry, topic, kind).to_bytes(4, "big"))
    _fastavro().schemaless_writer(out, _reader(kind), record)
    return out.getvalue()


def subject_of(topic: str) -> str:
    """Confluent's TopicNameStrategy."""
    return f"{topic}-value"


class _Versioned(msgspec.Struct):
    schema_version: int = 0


_versioned: Final = msgspec.json.Decoder(_Versioned).decode


def _read(raw: bytes, number: int, writer: Any, reader: Any) -> dict[str, Any]:
    avro, stream = _fastavro(), BytesIO(raw)
    stream.seek(HEAD)
    try:
        found = avro.schemaless_reader(stream, writer, reader)
    except avro.read.SchemaResolutionError:
        raise
    except Exception as error:  # a decoder of hostile bytes fails in a dozen ways, and all mean the same
        raise Malformed(f"The message does not follow schema {number}, which it names.") from error
    if stream.tell() != len(raw) or not isinstance(found, dict):
        raise Malformed(f"The message is not one record of schema {number}, which it names.")
    return found


def _writer(raw: bytes) -> tuple[int, Any]:
    registry = _own_registry()
    if len(raw) < HEAD:
        raise Malformed("The message begins as Avro and ends before the number of its schema.")
    number = int.from_bytes(raw[1:HEAD], "big")
    return number, _parsed(registry, number)


def _own_registry() -> SchemaRegistry:
    if (registry := schema_registry()) is None:
        raise Malformed(
            "The message is Avro, and no schema registry is set here. Set SCHEMA_REGISTRY_URL or send JSON."
        )
    return registry


@lru_cache(maxsize=MOST_SCHEMAS)
def _parsed(registry: SchemaRegistry, number: int) -> Any:
    schema = registry.schema(number)
    avro = _fastavro()
    try:
        fault = schema_fault(schema)
        parsed = avro.parse_schema(schema)
    except Exception as error:  # somebody else's schema, of whatever shape
        raise UnknownSchema(f"Schema {number} of the registry is not Avro that can be read.") from error
    if fault:
        raise UnknownSchema(f"Schema {number} of the registry {fault}. Nothing is read by such a schema.")
    return parsed


@lru_cache(maxsize=MOST_SCHEMAS)
def _resolving(registry: SchemaRegistry, number: int, kind: type[Event]) -> Any:
    """None where the writer's schema is our own but for its words: nothing to resolve, in half the time."""
    return None if _wordless(registry.schema(number)) == _wordless(avro_schema(kind)) else _reader(kind)


def _wordless(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_wordless(one) for one in schema]
    if isinstance(schema, dict):
        return {name: _wordless(one) for name, one in schema.items() if name != "doc"}
    return schema


@lru_cache(maxsize=MOST_SCHEMAS)
def _reader(kind: type[Event]) -> Any:
    return _fastavro().parse_schema(avro_schema(kind))


@lru_cache(maxsize=MOST_SCHEMAS)
def _decoder(kind: type[Event]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


@lru_cache(maxsize=MOST_SCHEMAS)
def _number(registry: SchemaRegistry, topic: str, kind: type[Event]) -> int:
    known = topic_of(topic)
    return registry.number(subject_of(topic), avro_schema(kind, known.meanings if known else None))


def _fastavro() -> Any:
    """Only where a registry is set: the web process does without the package."""
    try:
        import fastavro
    except ImportError as error:
        raise AvroMissing from error
    return fastavro
