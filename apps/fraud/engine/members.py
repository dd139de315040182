"""Lists as rules look into them, with a memory of what they found: a replay must find the same, years later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from apps.fraud.engine.lists import ListIndex


class _Looked(AbstractSet[str]):
    """A list that is asked, never read through: it may have a million entries."""

    def __init__(self, index: ListIndex, code: str, at: int) -> None:
        self.index, self.code, self.at = index, code, at
        self.found: set[str] = set()

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, str) or not self.index.contains(self.code, value, self.at):
            return False
        self.found.add(value)
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)


class Members(Mapping[str, AbstractSet[str]]):
    __slots__ = ("_at", "_index", "_looked")

    def __init__(self, index: ListIndex, at: int) -> None:
        self._index, self._at = index, at
        self._looked: dict[str, _Looked] = {}

    def __getitem__(self, code: str) -> AbstractSet[str]:
        if (one := self._looked.get(code)) is None:
            one = self._looked[code] = _Looked(self._index, code, self._at)
        return one

    def __iter__(self) -> Iterator[str]:
        return iter(self._looked)

    def __len__(self) -> int:
        return len(self._looked)

    def found(self) -> dict[str, tuple[str, ...]]:
        """By list, the values that stood on it; what is not named here was looked for in vain or not at all."""
        return {code: tuple(sorted(one.found)) for code, one in self._looked.items() if one.found}
