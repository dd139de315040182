"""From clear values to what lists hold: keyed hashes of what identifies a person, a card or a machine."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from apps.customers.models import Customer
from apps.fraud.engine.list_values import KINDS, address_of
from apps.fraud.engine.lists import Subject
from kivendtout.lib.crypto.hashing import keyed_hashes


def _email_hashes(text: str) -> list[bytes]:
    """As customers' own addresses are indexed, so that an entry meets a customer whose address is not told again."""
    index: Any = Customer._meta.get_field("email_index")
    return list(index.hashes_of(text))


HASHERS: Final[dict[str, Callable[[str], list[bytes]]]] = {
    "email": _email_hashes,
    "device": lambda text: keyed_hashes("device", text),
    "card": lambda text: keyed_hashes("card", text),
    "ip": lambda text: keyed_hashes("ip", text),
}


def hashes_of(kind: str, text: str) -> list[bytes]:
    """Under each live version of the key, the one that new entries take first."""
    return HASHERS[kind](text)


def subject_of(
    *,
    kinds: Collection[str] = KINDS,
    customer: str | None = None,
    email: str | None = None,
    email_index: bytes | None = None,
    device: str | None = None,
    card_fingerprint: str | None = None,
    ip_hash: str | None = None,
    address: str | None = None,
    countries: Collection[str | None] = (),
    card_bin: str | None = None,
    merchant: str | None = None,
) -> Subject:
    """What lists look at, from a payment's clear values. Only what some list holds (`kinds`) is hashed.

    `email_index` is the customer's stored one; `ip_hash` is the sender's own text. A raw `address` is looked up as
    itself, and among networks. `countries` are the payment's, the network address's and the card's.
    """
    return Subject(
        customer=customer,
        email_hashes=_emails(email, email_index) if "email" in kinds else (),
        device_hashes=_hashes("device", device) if "device" in kinds else (),
        card_hashes=_hashes("card", card_fingerprint) if "card" in kinds else (),
        ip_hashes=_addresses(ip_hash, address) if "ip" in kinds else (),
        address=address,
        countries=tuple(dict.fromkeys(code for code in countries if code)),
        bin=card_bin or None,
        merchant=merchant,
    )


def _hashes(kind: str, text: str | None) -> tuple[bytes, ...]:
    return tuple(hashes_of(kind, text)) if text else ()


def _emails(email: str | None, index: bytes | None) -> tuple[bytes, ...]:
    told = _hashes("email", email)
    return told if index is None or bytes(index) in told else (*told, bytes(index))


def _addresses(ip_hash: str | None, address: str | None) -> tuple[bytes, ...]:
    """A sender may put an address where its hash belongs: written in another way, it is still the same address."""
    texts = dict.fromkeys(text for text in (ip_hash, _canonical(ip_hash), _canonical(address)) if text)
    return tuple(one for text in texts for one in hashes_of("ip", text))


def _canonical(text: str | None) -> str | None:
    address = address_of(text) if text else None
    return str(address) if address else None
