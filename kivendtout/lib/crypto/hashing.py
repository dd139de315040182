"""Keyed hashes: blind indexes for exact search, and fingerprints of what is never stored (addresses, card numbers).

The key never leaves this process. Each hash begins with its key's version, so old and new ones can live side by side.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Iterable

from kivendtout.lib.crypto.errors import UnsafeUse
from kivendtout.lib.crypto.keyring import Key, RingState, get_keyring

# What is hashed without being a column's blind index: staff's and customers' network addresses, cards' tokens, and
# devices' fingerprints on lists.
HASH_PURPOSES = ("address", "card", "device", "ip")
VERSION_BYTES = 2
# 128 bits: two of a billion different values collide with probability 10⁻²¹, in half the space of the full hash.
HASH_BYTES = 16


def _text(value: str) -> str:
    """Case, accents' encoding and runs of spaces do not matter."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def _email(value: str) -> str:
    return unicodedata.normalize("NFKC", value).strip().casefold()


def _phone(value: str) -> str:
    """Digits only; `00` and `+` both announce a country code."""
    digits = "".join(str(unicodedata.digit(char)) for char in value if char.isdigit())
    return "+" + digits.removeprefix("00") if value.strip().startswith(("+", "00")) else digits


def _exact(value: str) -> str:
    return value


NORMALISERS: dict[str, Callable[[str], str]] = {"email": _email, "text": _text, "phone": _phone, "exact": _exact}


def normalise(how: str, value: object) -> str:
    return NORMALISERS[how](str(value))


def _digest(key: Key, purpose: str, value: str) -> bytes:
    message = purpose.encode() + b"\0" + value.encode("utf-8", "surrogatepass")
    version = int(key.id).to_bytes(VERSION_BYTES, "big")
    return version + hmac.digest(key.secret, message, hashlib.sha256)[:HASH_BYTES]


def _ring_with(purpose: str) -> RingState:
    ring = get_keyring()
    ring.ensure(tables=[], indexes=[purpose])
    return ring.state()


def keyed_hash(purpose: str, value: str) -> bytes:
    """18 bytes that only holders of the ring can compute. The same purpose and value give the same hash."""
    return _digest(_ring_with(purpose).active_index(purpose), purpose, value)


def keyed_hashes(purpose: str, value: str) -> list[bytes]:
    """The hash under every live version of the key, the active one first: search with `__in`."""
    return [_digest(key, purpose, value) for key in _ring_with(purpose).live_index_keys(purpose)]


def blind_index(purpose: str, value: object, *, normaliser: str = "exact") -> bytes | None:
    if value is None or value == "":
        return None
    return keyed_hash(purpose, normalise(normaliser, value))


def blind_indexes(purpose: str, values: Iterable[object], *, normaliser: str = "exact") -> list[bytes | None]:
    """For bulk loading: one look at the ring for the whole batch."""
    key = _ring_with(purpose).active_index(purpose)
    return [
        None if value is None or value == "" else _digest(key, purpose, normalise(normaliser, value))
        for value in values
    ]


def search_hashes(purpose: str, value: object, *, normaliser: str) -> list[bytes]:
    if value is None or value == "":
        raise UnsafeUse("An empty value has no blind index. Use isnull to find rows without one.")
    return keyed_hashes(purpose, normalise(normaliser, value))
