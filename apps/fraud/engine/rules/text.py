"""One way to write each expression, for comparing and exporting. Reading it again gives the same tree."""

from __future__ import annotations

from typing import Final

from apps.fraud.engine.rules import nodes as n

OR, AND, NOT, PREDICATE, SUM, PRODUCT, UNARY, ATOM = range(8)
LEVEL: Final = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT}


def canonical(expression: n.Expression) -> str:
    return write(expression.root)


def write(node: n.Node) -> str:
    return _write(node)[0]


def _at(node: n.Node, level: int) -> str:
    """In parentheses if it binds more loosely than its place asks."""
    text, own = _write(node)
    return text if own >= level else f"({text})"


def _write(node: n.Node) -> tuple[str, int]:  # noqa: C901  # one line a kind of node
    match node:
        case n.Const():
            return _const(node), ATOM
        case n.FeatureRef():
            return node.name, ATOM
        case n.OnList():
            return f"list({_quoted(node.list_name)})", ATOM
        case n.Call():
            return f"{node.function}({', '.join(write(part) for part in node.arguments)})", ATOM
        case n.Case():
            return _case(node), ATOM
        case n.Negative():
            return f"-{_at(node.item, ATOM)}", UNARY
        case n.Arithmetic():
            level = LEVEL[node.sign]
            return f"{_at(node.left, level)} {node.sign} {_at(node.right, level + 1)}", level
        case n.And():
            return " AND ".join(_at(item, NOT) for item in node.items), AND
        case n.Or():
            return " OR ".join(_at(item, NOT) for item in node.items), OR
        case n.Not(n.In() | n.InList() | n.Between() | n.Like() | n.IsNull() as inner):
            return _predicate(inner, " NOT"), PREDICATE
        case n.Not():
            return f"NOT {_at(node.item, ATOM)}", NOT
        case _:
            return _predicate(node, ""), PREDICATE


def _predicate(node: n.Node, negated: str) -> str:
    match node:
        case n.Compare():
            return f"{_at(node.left, SUM)} {node.sign} {_at(node.right, SUM)}"
        case n.In():
            return f"{_at(node.item, SUM)}{negated} IN ({', '.join(_const(value) for value in node.values)})"
        case n.InList():
            return f"{_at(node.item, SUM)}{negated} IN list({_quoted(node.list_name)})"
        case n.Between():
            return f"{_at(node.item, SUM)}{negated} BETWEEN {_at(node.low, SUM)} AND {_at(node.high, SUM)}"
        case n.Like():
            return f"{_at(node.item, SUM)}{negated} LIKE {_const(node.pattern)}"
        case n.IsNull():
            return f"{_at(node.item, SUM)} IS{negated} NULL"
    raise TypeError(type(node).__name__)


def _case(node: n.Case) -> str:
    """Comparisons may stand bare after WHEN without an operand, and between THEN and the next word."""
    level = OR if node.operand is None else SUM
    parts = ["CASE"] if node.operand is None else ["CASE", _at(node.operand, SUM)]
    for when, result in node.branches:
        parts.append(f"WHEN {_at(when, level)} THEN {write(result)}")
    if node.otherwise != n.Const(None, "null"):
        parts.append(f"ELSE {write(node.otherwise)}")
    return " ".join([*parts, "END"])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _const(node: n.Const) -> str:
    if node.parameter is not None:
        return f":{node.parameter}"
    if isinstance(node.value, str):
        return _quoted(node.value)
    if isinstance(node.value, bool) or node.value is None:
        return "NULL" if node.value is None else str(node.value).upper()
    whole = abs(node.value) < 1e15 and node.value == int(node.value)
    return str(int(node.value)) if whole else repr(node.value)
