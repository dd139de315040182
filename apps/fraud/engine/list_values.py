"""What an entry of a list may be, per kind: one canonical text, how it is kept, and what of it may be shown."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from kivendtout.lib.redact import redact_cards

Kind = Literal["customer", "email", "device", "card", "ip", "country", "bin", "merchant"]
KINDS: Final[tuple[Kind, ...]] = ("customer", "email", "device", "card", "ip", "country", "bin", "merchant")
Form = Literal["plain", "hash", "network"]
HIDDEN: Final = "•••"
# The widths that payments have: an id of 64 characters, a fingerprint or a sender's address hash of 128.
LONGEST_ID: Final = 64
LONGEST_FINGERPRINT: Final = 128
LONGEST_EMAIL: Final = 254
# A shorter text than this is no hash of an address; it is a slip of the pen.
SHORTEST_HASH: Final = 8
# Wider networks than these hold whole countries: a list that names one is a mistake.
WIDEST: Final = {4: 8, 6: 16}
# Narrower networks than these may be one household: what is shown of them is masked.
HOUSEHOLD: Final = {4: 25, 6: 49}
_SHOWN_CHARACTERS: Final = 2
_SHORTEST_SHOWN: Final = 8  # of a shorter fingerprint, two characters would be a quarter or more
_LIKE_AN_ADDRESS: Final = re.compile(r"[0-9]*\.[0-9.]*|[0-9a-f]*:[0-9a-f:.%]*", re.IGNORECASE)
_HASH: Final = re.compile(r"[0-9A-Za-z_+/=.:-]+")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadValue(ValueError):
    """Why a text is no entry of this kind: a code, for which `services` has a sentence."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Canonical:
    text: str
    form: Form
    hint: str


def canonical(kind: str, raw: str) -> Canonical:
    text = raw.strip()
    if not text:
        raise BadValue("empty")
    if any(unicodedata.category(char) in {"Cc", "Cs", "Cf"} for char in text):
        raise BadValue("control")
    if kind != "ip" and redact_cards(text) != text:  # sixteen digits of an address's hash may look like a card
        raise BadValue("card_number")
    return _READERS[kind](text)


def address_of(text: str) -> Address | None:
    """One address, whichever way it is written: an IPv4 address inside IPv6 is that IPv4 address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return None if address.scope_id else address.ipv4_mapped or address
    return address


def bins_of(text: str) -> tuple[str, ...]:
    """An eight-digit BIN is also found under its first six."""
    return (text, text[:6]) if len(text) == 8 else (text,)


def masked(text: str) -> str:
    return HIDDEN if len(text) < _SHORTEST_SHOWN else text[:_SHOWN_CHARACTERS] + HIDDEN


def _identity(text: str) -> Canonical:
    if len(text) > LONGEST_ID:
        raise BadValue("long")
    return Canonical(text, "plain", "")


def _fingerprint(longest: int) -> Callable[[str], Canonical]:
    def read(text: str) -> Canonical:
        if len(text) > longest:
            raise BadValue("long")
        return Canonical(text, "hash", masked(text))

    return read


def _email(text: str) -> Canonical:
    name, at, domain = text.rpartition("@")
    if len(text) > LONGEST_EMAIL or not name or not at or "." not in domain.strip(".") or " " in text or "@" in name:
        raise BadValue("email")
    return Canonical(text, "hash", f"{HIDDEN}@{domain.casefold()}")


def _country(text: str) -> Canonical:
    code = text.upper()
    if not re.fullmatch("[A-Z]{2}", code):
        raise BadValue("country")
    return Canonical(code, "plain", "")


def _bin(text: str) -> Canonical:
    if not re.fullmatch("[0-9]{6}|[0-9]{8}", text):
        raise BadValue("bin")
    return Canonical(text, "plain", "")


def _ip(text: str) -> Canonical:
    """An address, a network in CIDR notation, or the sender's own hash of an address."""
    before, slash, _length = text.partition("/")
    if slash and _LIKE_AN_ADDRESS.fullmatch(before):
        return _network(text)
    address = address_of(text)
    if address is not None:
        return Canonical(str(address), "hash", _shown(address))
    if _LIKE_AN_ADDRESS.fullmatch(text):
        raise BadValue("address")
    if not SHORTEST_HASH <= len(text) <= LONGEST_FINGERPRINT or not _HASH.fullmatch(text):
        raise BadValue("address")
    return Canonical(text, "hash", masked(text))


def _network(text: str) -> Canonical:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise BadValue("host_bits" if "host bits" in str(error) else "address") from error
    if network.prefixlen == network.max_prefixlen:
        return _ip(str(network.network_address))
    if network.prefixlen < WIDEST[network.version]:
        raise BadValue("wide")
    if network.prefixlen < HOUSEHOLD[network.version]:
        return Canonical(str(network), "network", str(network))
    return Canonical(str(network), "network", f"{_shown(network.network_address)}/{network.prefixlen}")


def _shown(address: Address) -> str:
    separator = "." if address.version == 4 else ":"
    return f"{str(address).split(separator)[0]}{separator}{HIDDEN}"


_READERS: Final[dict[str, Callable[[str], Canonical]]] = {
    "customer": _identity,
    "merchant": _identity,
    "email": _email,
    "device": _fingerprint(LONGEST_ID),
    "card": _fingerprint(LONGEST_FINGERPRINT),
    "ip": _ip,
    "country": _country,
    "bin": _bin,
}
