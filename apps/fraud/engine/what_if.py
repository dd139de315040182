"""A stored decision asked again with some values of its row changed: same rules, scorer, lists and policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from apps.fraud.engine.decide import Inputs, decide
from apps.fraud.engine.features.feature import Feature, Value
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.rules import nodes as n
from apps.fraud.engine.rules.parse import parse
from apps.fraud.engine.rules.python_compile import ListHits
from apps.fraud.engine.rules.walk import names, walk
from apps.fraud.engine.ruleset import CompiledRuleSet

Rescore = Callable[[Sequence[Value]], float]
# Probabilities are kept to six digits: the scorer that decided says the same again, or it is another one.
SAME: Final = 1.5e-6


def stored_lists(inputs: Inputs) -> ListHits:
    """What the lists said then. What was looked for in vain, or not at all, stands on no list."""
    members = {code: frozenset(found) for code, found in inputs.members.items()}
    return ListHits(frozenset(hit.code for hit in inputs.lists), members)


@dataclass(frozen=True)
class WhatIf:
    """`index` says where each feature stands in the row; `rules` are compiled for it; `rescore` gives the probability
    of another row by the scorer that decided."""

    row: Sequence[Value]
    index: Mapping[str, int]
    rules: CompiledRuleSet
    inputs: Inputs
    rescore: Rescore | None = None

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
        row, inputs = self.changed(values), self.inputs
        hits = self.rules.evaluate(row, self.lists, inputs.at) if inputs.rules_up else inputs.rules
        probability = inputs.scorer_score
        if self.scored:
            assert self.rescore is not None, "asked of a scorer that is not there"
            probability = self.rescore(row)
        return decide(msgspec.structs.replace(inputs, rules=hits, scorer_score=probability)).result

    @property
    def scored(self) -> bool:
        """A scorer had its part in the decision, so it must be asked again."""
        return self.inputs.scorer == "ok" and self.inputs.scorer_score is not None

    @cached_property
    def answerable(self) -> bool:
        """Of a scorer that cannot be asked, or that says something else of the same row, nothing can be claimed."""
        if not self.scored:
            return self.inputs.rules_up
        known = self.inputs.scorer_score
        return self.rescore is not None and known is not None and abs(self.rescore(self.row) - known) <= SAME

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
