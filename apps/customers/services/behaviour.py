"""Behavioural events into the document store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kivendtout.lib.crypto.hashing import blind_indexes
from kivendtout.lib.documents import InsertResult, document_store

EVENTS = "events"


def behaviour_record(*, tenant_id: int, documents: Sequence[dict[str, Any]]) -> InsertResult:
    """Stores what is not there yet; repeating a call is harmless. Addresses are stored as keyed hashes only."""
    addresses = sorted({one["ip_hash"] for one in documents if one.get("ip_hash")})
    digests = blind_indexes("ip", addresses)
    known = {address: digest.hex() for address, digest in zip(addresses, digests, strict=True) if digest}
    kept = [_document(one, known) for one in documents]
    return document_store().insert_many(EVENTS, tenant_id, kept)


def _document(given: dict[str, Any], addresses: dict[str, str]) -> dict[str, Any]:
    document = {name: value for name, value in given.items() if value is not None}
    if address := document.get("ip_hash"):
        document["ip_hash"] = addresses[address]
    return document
