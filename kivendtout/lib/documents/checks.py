"""What every store checks before it stores or searches, so that both refuse the same things with the same words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from kivendtout.lib.documents.collections import Collection
from kivendtout.lib.documents.errors import InvalidDocument, InvalidDocumentQuery
from kivendtout.lib.redact import scrub_cards_under

# Far above any event or payload; a document near this is a mistake, and MongoDB ends at 16 MB.
MAX_BYTES = 1_000_000
# Identifiers; they are index keys, and a B-tree entry ends near 2,700 bytes.
MAX_KEY_CHARACTERS = 200
# MongoDB ends at 100 levels.
MAX_DEPTH = 32
# BSON integers have 64 bits, and JSONB would read a float beyond 2**53 back as another number.
INTEGERS = range(-(2**63), 2**63)
EXACT_FLOATS = 2.0**53
# What a store itself adds to a document.
RESERVED = frozenset({"_id", "tenant_id"})

_encode = msgspec.json.Encoder().encode


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """A document that may be stored: its keys apart, as the collection's filters stand, the rest as JSON text."""

    id: str
    at: datetime
    keys: tuple[str | None, ...]
    text: bytes


def to_milliseconds(moment: datetime) -> datetime:
    """In UTC, cut to the millisecond: what MongoDB keeps, so what both promise."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    beyond = moment.microsecond % 1000
    return moment - timedelta(microseconds=beyond) if beyond else moment


def _text_fault(text: str) -> str | None:
    if "\0" in text:
        return "holds a NUL character; remove it"
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair, which is not text; remove it"
    return None


def _number_fault(value: float) -> str | None:
    if type(value) is int:
        return None if value in INTEGERS else "is a whole number beyond 64 bits; write it as text"
    if not math.isfinite(value):
        return "is not a finite number; leave it out or write null"
    return None if abs(value) < EXACT_FLOATS else "is a decimal number beyond 2**53; write it as text"


@lru_cache(maxsize=4096)  # the same few names in every document
def _name_fault(name: object) -> str | None:
    if type(name) is not str:
        return f"has a field named by {type(name).__name__}; name fields by text"
    if name.startswith("$") or "." in name:
        return f"has a field named {name!r}; names may not begin with '$' nor hold a '.'"
    return _text_fault(name)


def _fault(value: object, room: int = MAX_DEPTH) -> str | None:
    """Why the value cannot be stored, or None. Exact types only: a subclass would not come back as itself."""
    if type(value) is str:
        return _text_fault(value)
    if value is None or type(value) is bool:
        return None
    if type(value) is int or type(value) is float:
        return _number_fault(value)
    if room == 0:
        return f"is nested deeper than {MAX_DEPTH} levels; flatten it"
    if type(value) is dict:
        return next(filter(None, (_name_fault(name) or _fault(item, room - 1) for name, item in value.items())), None)
    if type(value) is list:
        return next(filter(None, (_fault(item, room - 1) for item in value)), None)
    return f"is a {type(value).__name__}, which JSON does not have; write it as text, a number, a list or an object"


def check_key(name: str, value: object) -> str:
    if type(value) is not str or not 0 < len(value) <= MAX_KEY_CHARACTERS:
        raise InvalidDocument(f"{name} must be text of 1 to {MAX_KEY_CHARACTERS} characters.")
    if fault := _text_fault(value):
        raise InvalidDocument(f"{name} {fault}.")
    return value


def _check_body(collection: Collection, document: Mapping[str, Any], body: dict[str, Any]) -> None:
    if taken := RESERVED & body.keys():
        raise InvalidDocument(f"{', '.join(sorted(taken))} is set by the store; name the field otherwise.")
    for name, value in body.items():
        if fault := _name_fault(name) or (value is not None and _fault(value)):
            raise InvalidDocument(f"{name} {fault}.")
    try:
        msgspec.convert(document, collection.shape)
    except msgspec.ValidationError as error:
        raise InvalidDocument(f"It does not have the shape of {collection.name}: {error}.") from error


def _prepare(collection: Collection, document: Mapping[str, Any]) -> Prepared:
    body = dict(document)
    identity = check_key("id", body.pop("id", None))
    at = body.pop("at", None)
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise InvalidDocument("at must be a date and time with a time zone.")
    # A key that is null is one that is absent.
    named = ((name, body.pop(name, None)) for name in collection.filters)
    keys = tuple(None if value is None else check_key(name, value) for name, value in named)
    _check_body(collection, document, body)
    if collection.scrubbed:
        body = {name: scrub_cards_under(name, value) for name, value in body.items()}
    text = _encode(body)
    if len(text) > MAX_BYTES:
        raise InvalidDocument(f"It takes {len(text):,} bytes; a document may take {MAX_BYTES:,}. Split it.")
    return Prepared(identity, to_milliseconds(at), keys, text)


def prepare(collection: Collection, documents: Iterable[Mapping[str, Any]]) -> list[Prepared]:
    """All of them, in order, or a refusal that says which one and why."""
    prepared = []
    for number, document in enumerate(documents):
        try:
            prepared.append(_prepare(collection, document))
        except InvalidDocument as error:
            raise InvalidDocument(f"Document {number} ({document.get('id')!r:.80}): {error.message}") from error
    return in_order(prepared)


def in_order(prepared: Iterable[Prepared]) -> list[Prepared]:
    """By id: two writers of the same documents then wait for each other instead of killing each other."""
    return sorted(prepared, key=attrgetter("id"))


def check_tenant(tenant_id: int) -> int:
    if type(tenant_id) is not int or tenant_id < 1:
        raise InvalidDocumentQuery(f"{tenant_id!r} is not a tenant's id. Documents belong to a tenant: name it.")
    return tenant_id


def check_filters(collection: Collection, filters: Mapping[str, str]) -> dict[str, str]:
    for name, value in filters.items():
        check_field(collection, name)
        try:
            check_key(name, value)
        except InvalidDocument as error:
            raise InvalidDocumentQuery(f"The filter cannot be used: {error.message}") from error
    return dict(filters)


def check_field(collection: Collection, name: str) -> str:
    if name not in collection.filters:
        known = ", ".join(collection.filters)
        raise InvalidDocumentQuery(f"{collection.name} cannot be searched by {name!r}. Use one of: {known}.")
    return name


def check_counted(collection: Collection, name: str) -> str:
    if name not in collection.counted:
        known = ", ".join(collection.counted) or "none"
        raise InvalidDocumentQuery(f"{collection.name} cannot be counted by {name!r}. Use one of: {known}.")
    return name


def check_moment(name: str, moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise InvalidDocumentQuery(f"{name} must be a date and time with a time zone.")
    return to_milliseconds(moment)
