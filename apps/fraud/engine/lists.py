"""The lists of one tenant, in memory: which entries a payment meets. The event's own time decides what has expired."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from sys import intern
from typing import Final, NamedTuple

from msgspec import Struct

from apps.fraud.engine.list_values import Address, address_of, bins_of

Key = str | bytes
FOREVER: Final = 2**63 - 1


class Subject(Struct, frozen=True, kw_only=True):
    """What of a payment lists look at. Hashes come in each live version of their key: one, or two in a rotation.

    `address` is the raw one, for networks; it exists in memory only, and only when the sender told it.
    """

    customer: str | None = None
    email_hashes: tuple[bytes, ...] = ()
    device_hashes: tuple[bytes, ...] = ()
    card_hashes: tuple[bytes, ...] = ()
    ip_hashes: tuple[bytes, ...] = ()
    address: str | None = None
    countries: tuple[str, ...] = ()
    bin: str | None = None
    merchant: str | None = None


class ListDefinition(NamedTuple):
    id: int
    code: str
    kind: str
    effect: str
    overrides_deny: bool = False


class EntryRow(NamedTuple):
    """An entry as it is stored. `live` is false once a person has removed it; times are microseconds."""

    id: int
    list_id: int
    key: Key
    is_network: bool = False
    expires_at: int = FOREVER
    reason: str = ""
    live: bool = True


class ListHit(Struct, frozen=True):
    code: str
    effect: str
    overrides_deny: bool
    entry_id: int
    reason: str


class _Entry(Struct, frozen=True, gc=False):
    """Not tracked by the garbage collector: a million of them would make each of its rounds slow."""

    id: int
    expires_at: int
    reason: str


class _Networks:
    """A dictionary per length of prefix: a look-up tries the lengths there are, the longest first."""

    def __init__(self) -> None:
        self.by_length: dict[tuple[int, int], dict[int, _Entry]] = {}
        self.lengths: dict[int, tuple[int, ...]] = {4: (), 6: ()}

    def place(self, text: str) -> tuple[dict[int, _Entry], int]:
        network = ipaddress.ip_network(text)
        version, shift = network.version, network.max_prefixlen - network.prefixlen
        entries = self.by_length.setdefault((version, shift), {})
        self.lengths[version] = tuple(sorted(shift for v, shift in self.by_length if v == version))
        return entries, int(network.network_address) >> shift

    def find(self, address: Address, at: int) -> _Entry | None:
        number, version = int(address), address.version
        for shift in self.lengths[version]:
            entry = self.by_length[version, shift].get(number >> shift)
            if entry is not None and at < entry.expires_at:
                return entry
        return None


class _List:
    def __init__(self, definition: ListDefinition) -> None:
        self.definition = definition
        self.entries: dict[Key, _Entry] = {}
        self.networks = _Networks()
        self.has_networks = False

    def apply(self, row: EntryRow, reason: str) -> None:
        entries: dict[Key, _Entry] | dict[int, _Entry] = self.entries
        key: Key | int = row.key
        if row.is_network:
            entries, key = self.networks.place(str(row.key))
            self.has_networks = True
        if row.live:
            entries[key] = _Entry(row.id, row.expires_at, reason)  # type: ignore[index]  # each with its own kind of key
        elif key in entries and entries[key].id == row.id:  # type: ignore[index]  # the same
            del entries[key]  # type: ignore[arg-type]  # the same

    def find(self, keys: Iterable[Key], at: int) -> _Entry | None:
        for key in keys:
            entry = self.entries.get(key)
            if entry is not None and at < entry.expires_at:
                return entry
        return None


class ListIndex:
    """Changes are applied in place, each by one step that other threads see whole: copying a million entries for one
    new one would cost more than a thousand look-ups."""

    def __init__(self, lists: Iterable[ListDefinition] = (), rows: Iterable[EntryRow] = ()) -> None:
        self._by_id: dict[int, _List] = {}
        self._by_code: dict[str, _List] = {}
        self._filled: tuple[tuple[str, tuple[_List, ...]], ...] = ()
        self._kinds: frozenset[str] = frozenset()
        self.apply(lists, rows)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that have entries. What has none need not be hashed to be looked up."""
        return self._kinds

    def kind_of(self, code: str) -> str | None:
        found = self._by_code.get(code)
        return found.definition.kind if found else None

    def __len__(self) -> int:
        networks = (entries for one in self._by_id.values() for entries in one.networks.by_length.values())
        return sum(len(one.entries) for one in self._by_id.values()) + sum(map(len, networks))

    def apply(self, lists: Iterable[ListDefinition], rows: Iterable[EntryRow]) -> None:
        """All lists as they are now, and the entries that have changed, in the order of their changes."""
        for definition in lists:
            known = self._by_id.setdefault(definition.id, _List(definition))
            known.definition = definition
        self._by_code = {one.definition.code: one for one in self._by_id.values()}
        for row in rows:
            if (one := self._by_id.get(row.list_id)) is not None:
                one.apply(row, intern(row.reason))  # the thousand lines of one import share one reason
        self._sort()

    def _sort(self) -> None:
        by_kind: dict[str, list[_List]] = {}
        for one in sorted(self._by_id.values(), key=lambda one: one.definition.code):
            if one.entries or one.has_networks:
                by_kind.setdefault(one.definition.kind, []).append(one)
        self._filled = tuple((kind, tuple(ones)) for kind, ones in by_kind.items())
        self._kinds = frozenset(by_kind)

    def hits(self, subject: Subject, at: int) -> tuple[ListHit, ...]:
        """One hit a list at most, in the order of the lists' codes."""
        if not self._filled:
            return ()
        found: list[ListHit] = []
        for kind, lists in self._filled:
            keys = _KEYS[kind](subject)
            address = address_of(subject.address) if kind == "ip" and subject.address else None
            for one in lists if keys or address else ():
                entry = one.find(keys, at)
                if entry is None and address is not None and one.has_networks:
                    entry = one.networks.find(address, at)
                if entry is not None:
                    its = one.definition
                    found.append(ListHit(its.code, its.effect, its.overrides_deny, entry.id, entry.reason))
        return tuple(sorted(found, key=lambda hit: hit.code)) if len(found) > 1 else tuple(found)

    def contains(self, code: str, value: str | None, at: int) -> bool:
        """For `feature IN list('code')`. A list that does not exist, or that keeps hashes, contains no text."""
        one = self._by_code.get(code)
        if one is None or value is None:
            return False
        return one.find(bins_of(value) if one.definition.kind == "bin" else (value,), at) is not None

    def values(self, code: str, at: int) -> frozenset[str]:
        """The texts in a list, for a look at a whole history at once; a BIN list holds BINs of six and of eight."""
        one = self._by_code.get(code)
        entries = list(one.entries.items()) if one else []
        return frozenset(key for key, entry in entries if isinstance(key, str) and at < entry.expires_at)


def _one(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


_KEYS: Final[dict[str, Callable[[Subject], tuple[Key, ...]]]] = {
    "customer": lambda subject: _one(subject.customer),
    "email": lambda subject: subject.email_hashes,
    "device": lambda subject: subject.device_hashes,
    "card": lambda subject: subject.card_hashes,
    "ip": lambda subject: subject.ip_hashes,
    "country": lambda subject: subject.countries,
    "bin": lambda subject: () if subject.bin is None else bins_of(subject.bin),
    "merchant": lambda subject: _one(subject.merchant),
}
