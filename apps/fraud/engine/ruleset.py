"""A numbered snapshot of rules: its text, which the digest names, and the two functions compiled from it.

The content tells everything that deciding needs, the kinds of the features used included: a snapshot still compiles
when the catalogue has moved on, and reads rows stored under any catalogue that has its features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from apps.fraud.engine.decide import RuleHit
from apps.fraud.engine.features.feature import Feature, Kind, Value
from apps.fraud.engine.rules.nodes import Expression
from apps.fraud.engine.rules.parse import parse
from apps.fraud.engine.rules.python_compile import ListHits, compile_many

Parameter = float | int | bool | str
Finder = Callable[[Sequence[Value], ListHits], tuple[int, ...]]
NEVER: Final = -(2**62)
FOREVER: Final = 2**62


class SnapshotRule(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One rule as it was when the snapshot was taken. Times in microseconds of the event's clock."""

    code: str
    version: int
    expression: str
    parameters: dict[str, Parameter] = {}
    points: int | None = None
    action: str = ""
    severity: str = "MEDIUM"
    fr: str = ""
    en: str = ""
    valid_from: int | None = None
    valid_until: int | None = None
    shadow: bool = False

    def hit(self) -> RuleHit:
        return RuleHit(self.code, self.version, self.points or 0, self.action, self.severity, self.fr, self.en)


class Snapshot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    catalogue_version: str
    features: dict[str, Kind]
    rules: tuple[SnapshotRule, ...]


_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Snapshot).decode


def snapshot_text(snapshot: Snapshot) -> str:
    """Canonical: the same rules give the same bytes, whatever the order they came in."""
    rules = tuple(sorted(snapshot.rules, key=lambda rule: (rule.code, rule.shadow)))
    return _encode(msgspec.structs.replace(snapshot, rules=rules)).decode()


def snapshot_read(text: str) -> Snapshot:
    return _decode(text)


def snapshot_digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


class CompiledRuleSet:
    """`index` says where each feature stands in the rows that will be given, by name."""

    __slots__ = ("_live", "_shadow", "digest", "name", "number", "rules", "snapshot")

    def __init__(self, content: str, index: Mapping[str, int], *, number: int = 0, name: str = "") -> None:
        self.snapshot = snapshot_read(content)
        self.number = number
        self.name = name
        self.digest = snapshot_digest(content)
        self.rules = self.snapshot.rules
        catalogue = {name: _stub(name, kind) for name, kind in self.snapshot.features.items()}
        self._live = _Part([rule for rule in self.rules if not rule.shadow], catalogue, index)
        self._shadow = _Part([rule for rule in self.rules if rule.shadow], catalogue, index)

    def __str__(self) -> str:
        return f"{self.name} #{self.number}"

    def evaluate(self, row: Sequence[Value], list_hits: ListHits, at: int) -> tuple[RuleHit, ...]:
        """Live rules that hit a payment attempted at `at`, by code."""
        return self._live.find(row, list_hits, at)

    def shadow(self, row: Sequence[Value], list_hits: ListHits, at: int) -> tuple[RuleHit, ...]:
        """Rules on trial that would have hit. Recorded beside the decision, never part of it."""
        return self._shadow.find(row, list_hits, at)

    @staticmethod
    def points(hits: Iterable[RuleHit]) -> int:
        return sum(hit.points for hit in hits)


class _Part:
    __slots__ = ("_find", "_hits", "_periods")

    def __init__(
        self, rules: Sequence[SnapshotRule], catalogue: Mapping[str, Feature], index: Mapping[str, int]
    ) -> None:
        parsed: list[Expression] = [parse(rule.expression, catalogue, rule.parameters) for rule in rules]
        self._find: Finder | None = compile_many(parsed, index) if parsed else None
        self._hits = tuple(rule.hit() for rule in rules)
        self._periods = {
            place: (_or(rule.valid_from, NEVER), _or(rule.valid_until, FOREVER))
            for place, rule in enumerate(rules)
            if rule.valid_from is not None or rule.valid_until is not None
        }

    def find(self, row: Sequence[Value], lists: ListHits, at: int) -> tuple[RuleHit, ...]:
        # Most payments hit nothing and most rules have no dates: both leave early.
        if self._find is None or not (found := self._find(row, lists)):
            return ()
        if self._periods:
            found = tuple(place for place in found if self._in_force(place, at))
        hits = self._hits
        return tuple([hits[place] for place in found])

    def _in_force(self, place: int, at: int) -> bool:
        first, end = self._periods.get(place, (NEVER, FOREVER))
        return first <= at < end


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _stub(name: str, kind: Kind) -> Feature:
    """What the parser asks of a feature: its name and kind."""
    return Feature(name, kind, "", "", "", "")


EMPTY_CONTENT: Final = snapshot_text(Snapshot(catalogue_version="", features={}, rules=()))
NO_RULES: Final = CompiledRuleSet(EMPTY_CONTENT, {}, name="none")
