"""A stored decision asked again with some values of its row changed: same rules, same lists, same policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from apps.fraud.engine.decide import Inputs, decide
from apps.fraud.engine.features.feature import Feature, Value
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.rules import nodes as n
from apps.fraud.engine.rules.parse import parse
from apps.fraud.engine.rules.python_compile import ListHits
from apps.fraud.engine.rules.walk import names, walk
from apps.fraud.engine.ruleset import CompiledRuleSet


def stored_lists(inputs: Inputs) -> ListHits:
    """What the lists said then. What was looked for in vain, or not at all, stands on no list."""
    members = {code: frozenset(found) for code, found in inputs.members.items()}
    return ListHits(frozenset(hit.code for hit in inputs.lists), members)


@dataclass(frozen=True)
class WhatIf:
    """`index` says where each feature stands in the row; `rules` are compiled for it."""

    row: Sequence[Value]
    index: Mapping[str, int]
    rules: CompiledRuleSet
    inputs: Inputs

    def get(self, name: str) -> Value:
        place = self.index.get(name)
        return None if place is None else self.row[place]

    def changed(self, values: Mapping[str, Value]) -> list[Value]:
        row = list(self.row)
        for name, value in values.items():
            if name in self.index:
                row[self.index[name]] = value
        return row

    def outcome(self, values: Mapping[str, Value]) -> Outcome:
        hits = self.rules.evaluate(self.changed(values), self.lists, self.inputs.at)
        return decide(msgspec.structs.replace(self.inputs, rules=hits)).result

    @cached_property
    def now(self) -> Outcome:
        return decide(self.inputs).result

    @cached_property
    def lists(self) -> ListHits:
        return stored_lists(self.inputs)

    @cached_property
    def expressions(self) -> dict[str, n.Expression]:
        """Of the live rules, by code: a change may silence one and wake another."""
        kinds = self.rules.snapshot.features
        catalogue = {name: Feature(name, kind, "", "", "", "") for name, kind in kinds.items()}
        live = [rule for rule in self.rules.rules if not rule.shadow]
        return {rule.code: parse(rule.expression, catalogue, rule.parameters) for rule in live}

    @cached_property
    def used(self) -> frozenset[str]:
        """Features that the rules that hit look at."""
        hit = {hit.code for hit in self.inputs.rules}
        return frozenset(name for code, tree in self.expressions.items() if code in hit for name in names(tree))

    @cached_property
    def looked_up(self) -> frozenset[str]:
        """Features that rules look up in lists: nobody knows what the lists would have said of another value."""
        lookups = (node for tree in self.expressions.values() for node in walk(tree.root) if isinstance(node, n.InList))
        return frozenset(node.name for lookup in lookups for node in walk(lookup) if isinstance(node, n.FeatureRef))
