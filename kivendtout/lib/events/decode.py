"""The bytes of a topic into a message, once, at the edge: JSON or Avro in, the same checks on both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar, cast

import msgspec

from kivendtout.lib.events import avro
from kivendtout.lib.events.base import Event, Message
from kivendtout.lib.events.errors import FromTheFuture, Malformed, Oversized, UnknownVersion, Unusable
from kivendtout.lib.events.text import sentence

# A message of ours has a few hundred bytes; an order of 500 lines some 50,000.
LARGEST: Final = 200_000
# What is told of an unknown version. A longer number is none, and might be one that nobody may read.
MOST_VERSION: Final = 9_999
M = TypeVar("M", bound=Message)
encode: Final[Callable[[Event], bytes]] = msgspec.json.Encoder().encode


class _Decoders(dict[type[Message], Callable[[bytes], Any]]):
    def __missing__(self, kind: type[Message]) -> Callable[[bytes], Any]:
        self[kind] = msgspec.json.Decoder(kind).decode
        return self[kind]


class _Versioned(msgspec.Struct):
    schema_version: Any = None


_DECODERS: Final = _Decoders()
_versioned: Final = msgspec.json.Decoder(_Versioned).decode


def decode(kind: type[M], raw: bytes, *, now: datetime) -> M:
    """The message in its newest version, or InvalidEvent with a sentence that says what is wrong with it."""
    if len(raw) > LARGEST:
        raise Oversized(f"The message has {len(raw):,} bytes; at most {LARGEST:,} are read.")
    try:
        message: M = _DECODERS[kind](raw) if raw[:1] != avro.MAGIC else _from_avro(kind, raw)
    except msgspec.ValidationError as error:
        message = _of_another_version(kind, raw, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("The message is not JSON in UTF-8. Send one JSON object a message.") from error
    if fault := message.ahead_fault(now):
        raise FromTheFuture(fault)
    return message


def _of_another_version(kind: type[M], raw: bytes, error: msgspec.ValidationError) -> M:
    """Only looked at when the newest version refuses, so that it costs the good messages nothing."""
    version = _version(raw)
    if version in kind.versions()[:-1]:
        return kind.from_older(_older(kind, raw))
    if version is not None and version != kind.version():
        raise UnknownVersion(_unknown(version, kind.versions())) from error
    raise Unusable(sentence(str(error), kind.HINTS)) from error


def _older(kind: type[M], raw: bytes) -> Message:
    older = cast("type[Message]", kind.OLDER)
    try:
        return _DECODERS[older](raw) if raw[:1] != avro.MAGIC else _from_avro(older, raw)
    except msgspec.ValidationError as error:
        return _of_another_version(older, raw, error)


def _version(raw: bytes) -> int | None:
    try:
        found = _versioned(raw).schema_version if raw[:1] != avro.MAGIC else avro.version_of(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if type(found) is int and 0 <= found <= MOST_VERSION else None


def _unknown(version: int, known: tuple[int, ...]) -> str:
    *some, last = [str(one) for one in known]
    told = f"{', '.join(some)} and {last} are" if some else f"{last} is"
    return f"schema_version {version} is not known here; {told}."


def _from_avro(kind: type[M], raw: bytes) -> M:
    return msgspec.convert(avro.record_of(kind, raw), kind)
