"""Behavioural events into the document store, each once, with a mark that their hours are to be counted again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
from django.db import InterfaceError, OperationalError, transaction

from apps.customers.services.behaviour_marks import behaviour_mark
from kivendtout.lib.crypto.hashing import blind_indexes
from kivendtout.lib.documents import COLLECTIONS, DocumentStore, DocumentsUnavailable, InsertResult, document_store
from kivendtout.lib.documents.checks import Prepared, to_milliseconds

EVENTS: Final = "events"
# `_prepared` below gives the keys in this order.
assert COLLECTIONS[EVENTS].filters == ("customer_id", "session_id", "type")
_encode: Final = msgspec.json.Encoder().encode


class Behaviour(Protocol):
    """An event whose texts the edge has proven: short, UTF-8, without control characters and card numbers."""

    @property
    def event_id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def customer_id(self) -> str | None: ...
    @property
    def session_id(self) -> str | None: ...
    @property
    def device(self) -> str | None: ...
    @property
    def ip_hash(self) -> str | None: ...
    @property
    def utm_source(self) -> str | None: ...
    @property
    def utm_campaign(self) -> str | None: ...
    @property
    def product_id(self) -> str | None: ...
    @property
    def cart_value(self) -> str | None: ...
    @property
    def payment_id(self) -> str | None: ...
    @property
    def order_id(self) -> str | None: ...


class _Body(msgspec.Struct, omit_defaults=True, gc=False):
    device: str | None = None
    ip_hash: str | None = None
    utm_source: str | None = None
    utm_campaign: str | None = None
    product_id: str | None = None
    cart_value: str | None = None
    payment_id: str | None = None
    order_id: str | None = None


def behaviour_store(*, tenant_id: int, events: Sequence[Behaviour]) -> InsertResult:
    """Events that were read from a topic; repeating a call is harmless. Addresses are kept as keyed hashes only."""
    hashes = _hashed(event.ip_hash for event in events)
    prepared = [_prepared(event, hashes) for event in events]
    return _store(
        tenant_id,
        lambda documents: documents.insert_prepared(EVENTS, tenant_id, prepared),
        (event.at for event in events),
    )


def behaviour_record(*, tenant_id: int, documents: Sequence[dict[str, Any]]) -> InsertResult:
    """The same for documents that nobody has looked at yet, such as those of a file."""
    hashes = _hashed(one.get("ip_hash") for one in documents)
    kept = [_document(one, hashes) for one in documents]
    return _store(
        tenant_id,
        lambda documents: documents.insert_many(EVENTS, tenant_id, kept),
        (one["at"] for one in kept),
    )


def _store(
    tenant_id: int, insert: Callable[[DocumentStore], InsertResult], moments: Iterable[datetime]
) -> InsertResult:
    documents = document_store()
    try:
        with transaction.atomic():
            done = insert(documents)
            # A store outside this transaction may have been given the repeats by somebody who died before the mark.
            if done.inserted or (done.duplicates and not documents.transactional):
                behaviour_mark(tenant_id=tenant_id, moments=list(moments))
    except (OperationalError, InterfaceError) as error:
        raise DocumentsUnavailable from error
    return done


def _hashed(addresses: Iterable[str | None]) -> dict[str | None, str | None]:
    different = sorted({address for address in addresses if address})
    digests = blind_indexes("ip", different)
    known: dict[str | None, str | None] = {None: None}
    known |= {address: digest.hex() for address, digest in zip(different, digests, strict=True) if digest}
    return known


def _prepared(event: Behaviour, hashes: dict[str | None, str | None]) -> Prepared:
    body = _Body(
        event.device,
        hashes[event.ip_hash],
        event.utm_source,
        event.utm_campaign,
        event.product_id,
        event.cart_value,
        event.payment_id,
        event.order_id,
    )
    keys = (event.customer_id, event.session_id, event.type)
    return Prepared(event.event_id, to_milliseconds(event.at), keys, _encode(body))


def _document(given: dict[str, Any], hashes: dict[str | None, str | None]) -> dict[str, Any]:
    document = {name: value for name, value in given.items() if value is not None}
    if address := document.get("ip_hash"):
        document["ip_hash"] = hashes[address]
    return document
