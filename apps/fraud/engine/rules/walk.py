"""Questions about a tree that need no evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from apps.fraud.engine.rules import nodes as n


def children(node: n.Node) -> tuple[n.Node, ...]:
    match node:
        case n.Const() | n.FeatureRef() | n.OnList():
            return ()
        case n.Arithmetic() | n.Compare():
            return (node.left, node.right)
        case n.And() | n.Or():
            return node.items
        case n.Negative() | n.Not() | n.IsNull() | n.InList():
            return (node.item,)
        case n.In():
            return (node.item, *node.values)
        case n.Between():
            return (node.item, node.low, node.high)
        case n.Like():
            return (node.item, node.pattern)
        case n.Call():
            return node.arguments
        case n.Case():
            parts = tuple(part for branch in node.branches for part in branch)
            return (*(() if node.operand is None else (node.operand,)), *parts, node.otherwise)


def walk(node: n.Node) -> Iterator[n.Node]:
    todo = [node]
    while todo:
        yield (current := todo.pop())
        todo.extend(reversed(children(current)))


def feature_names(node: n.Node) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.name for part in walk(node) if isinstance(part, n.FeatureRef)))


def names(expression: n.Expression) -> tuple[str, ...]:
    """The features used, in order of first use."""
    return feature_names(expression.root)


def lists(expression: n.Expression) -> tuple[str, ...]:
    """The lists used, in order of first use."""
    used = (part.list_name for part in walk(expression.root) if isinstance(part, n.InList | n.OnList))
    return tuple(dict.fromkeys(used))


def parameters(expression: n.Expression) -> tuple[str, ...]:
    used = (part.parameter for part in walk(expression.root) if isinstance(part, n.Const) and part.parameter)
    return tuple(dict.fromkeys(used))
