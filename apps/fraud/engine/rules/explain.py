"""Why a rule hit, or did not: its conditions one by one, with the values they met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.rules import nodes as n
from apps.fraud.engine.rules.python_compile import NO_LISTS, ListHits, Row, compile_value
from apps.fraud.engine.rules.text import write
from apps.fraud.engine.rules.walk import feature_names


@dataclass(frozen=True, slots=True)
class Finding:
    """`holds` None: not known, for want of a value. `helps`: the rule needs just that, which under NOT is FALSE."""

    text: str
    holds: bool | None
    helps: bool
    values: tuple[tuple[str, Value], ...]


def explain(
    expression: n.Expression, row: Row, index: Mapping[str, int], lists: ListHits = NO_LISTS
) -> tuple[Finding, ...]:
    found = []
    for node, wanted in _conditions(expression.root, True):
        holds = cast("bool | None", compile_value(node, index)(row, lists))
        values = tuple((name, row[index[name]]) for name in feature_names(node))
        found.append(Finding(write(node), holds, holds is wanted, values))
    return tuple(found)


def _conditions(node: n.Node, wanted: bool) -> Iterator[tuple[n.Node, bool]]:
    if isinstance(node, n.And | n.Or):
        for item in node.items:
            yield from _conditions(item, wanted)
    elif isinstance(node, n.Not):
        yield from _conditions(node.item, not wanted)
    elif node.type == "boolean":
        yield node, wanted
