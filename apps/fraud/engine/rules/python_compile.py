"""Source to functions. They see a row, the lists, and their constants: no names, no attributes, no built-ins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.rules import limits
from apps.fraud.engine.rules.nodes import Expression, FeatureRef, Node
from apps.fraud.engine.rules.python_code import Writer


class ListHits(NamedTuple):
    """What the lists say of one payment.

    `hits` names the lists that the payment is on, whatever their type: `list('name')`. `members` holds the texts of
    those lists that a rule looks a feature up in: `merchant_country IN list('name')`. A list in neither is empty.
    """

    hits: AbstractSet[str] = frozenset()
    members: Mapping[str, AbstractSet[str]] = {}


NO_LISTS: Final = ListHits()
Row = Sequence[Value]


def compile_python(expression: Expression, index: Mapping[str, int]) -> Callable[[Row, ListHits], bool]:
    """TRUE or not; FALSE and NULL are both False."""
    writer = Writer()
    body = [f"return {writer.condition(expression.root, 'true')}"]
    function: Callable[[Row, ListHits], bool] = _function(writer, body, index)
    return function


def compile_many(
    expressions: Sequence[Expression], index: Mapping[str, int]
) -> Callable[[Row, ListHits], tuple[int, ...]]:
    """All rules in one function, each feature read once; it gives the positions of those that hit."""
    writer = Writer()
    body = ["found = ()"]
    for position, expression in enumerate(expressions):
        body.append(f"if {writer.condition(expression.root, 'true')}: found += {writer.constant((position,))}")
    function: Callable[[Row, ListHits], tuple[int, ...]] = _function(writer, [*body, "return found"], index)
    return function


def compile_value(node: Node, index: Mapping[str, int]) -> Callable[[Row, ListHits], Value]:
    """The value of any part of an expression, for explaining it."""
    writer = Writer()
    source = writer.condition(node, "value") if node.type == "boolean" else writer.value(node).source
    function: Callable[[Row, ListHits], Value] = _function(writer, [f"return {source}"], index)
    return function


def _function(writer: Writer, body: Sequence[str], index: Mapping[str, int]) -> Any:
    lines = []
    for name, node in writer.loads.values():
        lines += _load(writer, name, index[node.name], node)
    if writer.uses_lists:
        lines.append("hits, members = lists")
    source = "def rule(row, lists):\n" + "".join(f"    {line}\n" for line in (*lines, *body))
    space: dict[str, Any] = {"__builtins__": {}, **writer.constants}
    exec(compile(source, "<rule>", "exec"), space)  # noqa: S102  # the source holds names made here, and no text of a rule
    return space["rule"]


def _load(writer: Writer, name: str, place: int, node: FeatureRef) -> list[str]:
    """What is not finite, or beyond the integers that float64 holds, counts as missing, in Polars too."""
    lines = [f"{name} = row[{int(place)}]"]
    if node.type == "number":
        most = writer.constant(limits.INTEGER if node.integer else limits.FLOAT)
        lines.append(f"if {name} is not None and not -{most} <= {name} <= {most}: {name} = None")
    return lines
