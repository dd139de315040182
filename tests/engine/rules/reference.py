"""A third opinion: the language once more, as slowly and plainly as possible, straight from what SQL says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext

from apps.fraud.engine.rules import ListHits
from apps.fraud.engine.rules import nodes as n
from tests.engine.rules.cast import INDEX


def finite(value):
    return value if value is not None and math.isfinite(value) else None


def both(left, right):
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def opposite(value):
    return None if value is None else not value


def either(left, right):
    return opposite(both(opposite(left), opposite(right)))


def compare(sign, left, right):
    if left is None or right is None:
        return None
    return {
        "=": left == right,
        "<>": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[sign]


def calculate(sign, left, right):
    if left is None or right is None or (sign in "/%" and right == 0):
        return None
    left, right = float(left), float(right)
    if sign == "%":
        quotient = left / right
        return finite(left - right * math.trunc(quotient)) if math.isfinite(quotient) else None
    return finite({"+": left + right, "-": left - right, "*": left * right, "/": left / right if right else 0}[sign])


def matches(text, pattern):
    """By dynamic programming: which beginnings of the text match this much of the pattern?"""
    reach = {0}
    for sign in pattern:
        if sign == "%":
            reach = set(range(min(reach), len(text) + 1)) if reach else set()
        else:
            reach = {at + 1 for at in reach if at < len(text) and (sign in ("_", text[at]))}
    return len(text) in reach


def rounded(value, digits=0):
    """In decimals, on the product that float64 gives."""
    scale = 10.0 ** abs(int(digits))
    scaled = value * scale if digits >= 0 else value / scale
    if not math.isfinite(scaled):
        return None
    with localcontext() as context:
        context.prec = 400
        whole = float(Decimal(scaled).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return finite(whole / scale if digits >= 0 else whole * scale)


STRICT = {
    "ABS": abs,
    "CEIL": lambda x: float(math.ceil(x)),
    "FLOOR": lambda x: float(math.floor(x)),
    "LENGTH": len,
    "LN": lambda x: math.log(x) if x > 0 else None,
    "LOWER": str.lower,
    "ROUND": rounded,
    "SQRT": lambda x: math.sqrt(x) if x >= 0 else None,
    "STARTS_WITH": str.startswith,
    "UPPER": str.upper,
}


def call(name, values):
    known = [value for value in values if value is not None]
    if name in ("COALESCE", "LEAST", "GREATEST"):
        pick = {"COALESCE": lambda x: x[0], "LEAST": min, "GREATEST": max}[name]
        return pick(known) if known else None
    return STRICT[name](*values) if len(known) == len(values) else None


def feature(node, row):
    value = row[INDEX[node.name]]
    if node.type == "number" and value is not None:
        return value if math.isfinite(value) and (not node.integer or abs(value) <= 2**53) else None
    return value


def evaluate(node: n.Node, row: Sequence, lists: ListHits):  # noqa: C901  # one line a kind of node  # noqa: C901  # one line a kind of node
    def ev(part):
        return evaluate(part, row, lists)

    match node:
        case n.Const():
            return node.value
        case n.FeatureRef():
            return feature(node, row)
        case n.Negative():
            return None if ev(node.item) is None else -ev(node.item)
        case n.Arithmetic():
            return calculate(node.sign, ev(node.left), ev(node.right))
        case n.Compare():
            return compare(node.sign, ev(node.left), ev(node.right))
        case n.And():
            result = True
            for item in node.items:
                result = both(result, ev(item))
            return result
        case n.Or():
            result = False
            for item in node.items:
                result = either(result, ev(item))
            return result
        case n.Not():
            return opposite(ev(node.item))
        case n.In():
            result = False
            for value in node.values:
                result = either(result, compare("=", ev(node.item), value.value))
            return result
        case n.InList():
            item = ev(node.item)
            return None if item is None else item in lists.members.get(node.list_name, ())
        case n.OnList():
            return node.list_name in lists.hits
        case n.Between():
            item = ev(node.item)
            return both(compare(">=", item, ev(node.low)), compare("<=", item, ev(node.high)))
        case n.Like():
            return None if ev(node.item) is None else matches(ev(node.item), node.pattern.value)
        case n.IsNull():
            return ev(node.item) is None
        case n.Call():
            return call(node.function, [ev(argument) for argument in node.arguments])
        case n.Case():
            for when, then in node.branches:
                test = ev(when) if node.operand is None else compare("=", ev(node.operand), ev(when))
                if test is True:
                    return ev(then)
            return ev(node.otherwise)
    raise TypeError(node)
