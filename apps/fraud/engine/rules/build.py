"""sqlglot's tree to ours, by a whitelist of node types and of their parts. What is not listed here does not exist."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from sqlglot import exp

from apps.fraud.engine.rules import errors, limits, typecheck
from apps.fraud.engine.rules import nodes as n
from apps.fraud.engine.rules.atoms import Atom
from apps.fraud.engine.rules.calls import build_call, list_name
from apps.fraud.engine.rules.errors import RuleSyntaxError
from apps.fraud.engine.rules.lexer import Lexeme
from apps.fraud.engine.rules.spans import span, token_index

COMPARISONS: Final[dict[type[exp.Expr], n.Comparison]] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
ARITHMETIC: Final[dict[type[exp.Expr], n.ArithmeticSign]] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%",
}  # fmt: skip
# The parts that each node may have. `typed` and `safe` only record the dialect.
PARTS: Final[dict[type[exp.Expr], frozenset[str]]] = {
    **{kind: frozenset(["this", "expression"]) for kind in (*COMPARISONS, *ARITHMETIC, exp.And, exp.Or)},
    exp.Div: frozenset(["this", "expression", "typed", "safe"]),
    exp.Column: frozenset(["this"]),
    exp.Paren: frozenset(["this"]),
    exp.Neg: frozenset(["this"]),
    exp.Not: frozenset(["this"]),
    exp.Is: frozenset(["this", "expression", "negate"]),
    exp.In: frozenset(["this", "expressions", "field", "negate"]),
    exp.Between: frozenset(["this", "low", "high", "negate"]),
    exp.Like: frozenset(["this", "expression", "negate"]),
    exp.Case: frozenset(["this", "ifs", "default"]),
    exp.If: frozenset(["this", "true"]),
    exp.Anonymous: frozenset(["this", "expressions"]),
}
# Of these none may be an operand of another predicate without parentheses: `a = b = c` means nothing.
LOOSE: Final = (*COMPARISONS, exp.Is, exp.In, exp.Between, exp.Like, exp.Not, exp.And, exp.Or)


@dataclass(slots=True)
class Builder:
    lexemes: Sequence[Lexeme]
    atoms: Mapping[int, Atom]
    lists: Collection[str] | None
    count: int = 0
    depth: int = field(default=0)

    def build(self, node: exp.Expr) -> n.Node:
        self.check(node)
        self.count += 1
        self.depth += not isinstance(node, exp.Paren)
        if self.count > limits.NODES:
            raise RuleSyntaxError(errors.TOO_MANY_NODES, *self.span(node), limit=limits.NODES)
        if self.depth > limits.DEPTH:
            raise RuleSyntaxError(errors.TOO_DEEP, *self.span(node), limit=limits.DEPTH)
        built = BUILD[type(node)](self, node)
        self.depth -= not isinstance(node, exp.Paren)
        return built

    def check(self, node: exp.Expr) -> None:
        given = {name for name, value in node.args.items() if value not in (None, False, [])}
        unnamed = isinstance(node, exp.Column | exp.Anonymous) and token_index(node) is None
        if unnamed or given - PARTS.get(type(node), frozenset()) or type(node) not in BUILD:
            raise RuleSyntaxError(errors.REFUSED, *self.span(node))

    def index(self, node: exp.Expr) -> int:
        index = token_index(node)
        assert index is not None  # `check` has refused the others
        return index

    def span(self, node: exp.Expr) -> typecheck.Span:
        return span(node, self.lexemes)

    def operand(self, node: exp.Expr) -> n.Node:
        if isinstance(node, LOOSE):
            raise RuleSyntaxError(errors.CHAINED, *self.span(node))
        return self.build(node)

    def typed(self, node: exp.Expr, wanted: n.Type) -> n.Node:
        built = self.operand(node)
        typecheck.need(built, wanted, self.span(node))
        return built

    def condition(self, node: exp.Expr) -> n.Node:
        built = self.build(node)
        typecheck.need_condition(built, self.span(node))
        return built

    def constant(self, node: exp.Expr) -> n.Const:
        """Without parentheses; a minus before a number is part of it."""
        if isinstance(node, exp.Column | exp.Neg):
            built = self.build(node)
            if isinstance(built, n.Const):
                return built
        raise RuleSyntaxError(errors.LITERAL, *self.span(node))

    def member(self, node: exp.Expr) -> n.Const:
        """A value of an IN: all of them are one part, because both compilers make one set of them."""
        before = self.count
        built = self.constant(node)
        self.count = before
        return built


def _column(b: Builder, node: exp.Expr) -> n.Node:
    return b.atoms[b.index(node)]


def _paren(b: Builder, node: exp.Expr) -> n.Node:
    return b.build(node.this)


def _negative(b: Builder, node: exp.Expr) -> n.Node:
    item = b.typed(node.this, "number")
    if isinstance(item, n.Const) and item.parameter is None:
        return n.Const(0.0 - cast("float", item.value), "number")
    return n.Negative(item)


def _arithmetic(b: Builder, node: exp.Expr) -> n.Node:
    return n.Arithmetic(ARITHMETIC[type(node)], b.typed(node.this, "number"), b.typed(node.expression, "number"))


def _compare(b: Builder, node: exp.Expr) -> n.Node:
    sign, left, right = COMPARISONS[type(node)], b.operand(node.this), b.operand(node.expression)
    typecheck.comparable(left, right, sign, (b.span(node.this), b.span(node.expression)))
    return n.Compare(sign, left, right)


def _joined(b: Builder, node: exp.Expr) -> n.Node:
    """A chain of ANDs is one node, however sqlglot nests it, so that a long list of conditions is not a deep one."""
    kind, parts, todo = type(node), [], [node]
    while todo:
        part = todo.pop()
        inner = part.unnest()
        if type(inner) is kind:
            b.check(inner)
            todo += [inner.expression, inner.this]
        else:
            parts.append(part)
    items = tuple(b.condition(part) for part in parts)
    return n.And(items) if kind is exp.And else n.Or(items)


def _not(b: Builder, node: exp.Expr) -> n.Node:
    return n.Not(b.condition(node.this))


def _signed(node: exp.Expr, condition: n.Node) -> n.Node:
    return n.Not(condition) if node.args.get("negate") else condition


def _is(b: Builder, node: exp.Expr) -> n.Node:
    if not isinstance(node.expression, exp.Null):
        raise RuleSyntaxError(errors.IS_WHAT, *b.span(node.expression))
    return _signed(node, n.IsNull(b.operand(node.this)))


def _in(b: Builder, node: exp.Expr) -> n.Node:
    found, given = node.args.get("field"), node.expressions
    if found is not None:
        name = list_name(b, found) if isinstance(found, exp.Anonymous) else None
        if name is None:
            raise RuleSyntaxError(errors.IN_WHAT, *b.span(found))
        item = b.operand(node.this)
        if item.type != "text":
            raise RuleSyntaxError(errors.LIST_TEXT, *b.span(node.this))
        return _signed(node, n.InList(item, name))
    if not given:
        raise RuleSyntaxError(errors.IN_WHAT, *b.span(node))
    if len(given) > limits.IN_ITEMS:
        raise RuleSyntaxError(errors.TOO_MANY_ITEMS, *b.span(node), limit=limits.IN_ITEMS)
    item, values = b.operand(node.this), tuple(b.member(value) for value in given)
    typecheck.common([item, *values], [b.span(part) for part in (node.this, *given)], b.span(node))
    if item.type == "null":
        raise RuleSyntaxError(errors.NULL_HERE, *b.span(node.this))
    return _signed(node, n.In(item, values))


def _between(b: Builder, node: exp.Expr) -> n.Node:
    parts = (node.this, node.args["low"], node.args["high"])
    item, low, high = (b.operand(part) for part in parts)
    for other, part in ((low, parts[1]), (high, parts[2])):
        typecheck.comparable(item, other, "<", (b.span(parts[0]), b.span(part)))
    return _signed(node, n.Between(item, low, high))


def _like(b: Builder, node: exp.Expr) -> n.Node:
    item, pattern = b.typed(node.this, "text"), b.constant(node.expression)
    where = b.span(node.expression)
    typecheck.need(pattern, "text", where)
    text = str(pattern.value)
    if len(text) > limits.PATTERN:
        raise RuleSyntaxError(errors.PATTERN_LONG, *where, limit=limits.PATTERN)
    if text.count("%") + text.count("_") > limits.WILDCARDS:
        raise RuleSyntaxError(errors.WILDCARDS, *where, limit=limits.WILDCARDS)
    return _signed(node, n.Like(item, pattern))


def _case(b: Builder, node: exp.Expr) -> n.Node:
    ifs, default = node.args["ifs"], node.args.get("default")
    if len(ifs) > limits.BRANCHES:
        raise RuleSyntaxError(errors.TOO_MANY_BRANCHES, *b.span(node), limit=limits.BRANCHES)
    operand = None if node.this is None else b.operand(node.this)
    if node.this is not None and any(isinstance(part, exp.Case) for part in node.this.walk()):
        raise RuleSyntaxError(errors.CASE_IN_CASE, *b.span(node.this))
    whens = [_when(b, branch, operand, node) for branch in ifs]
    results = [b.build(branch.args["true"]) for branch in ifs]
    otherwise = n.Const(None, "null") if default is None else b.build(default)
    where = [b.span(part) for part in (*(branch.args["true"] for branch in ifs), default or node)]
    kind = typecheck.common([*results, otherwise], where, b.span(node))
    return n.Case(operand, tuple(zip(whens, results, strict=True)), otherwise, kind)


def _when(b: Builder, branch: exp.Expr, operand: n.Node | None, case: exp.Expr) -> n.Node:
    b.check(branch)
    if operand is None:
        return b.condition(branch.this)
    value = b.operand(branch.this)
    typecheck.comparable(operand, value, "=", (b.span(case.this), b.span(branch.this)))
    return value


def _nothing(b: Builder, node: exp.Expr) -> n.Node:
    raise RuleSyntaxError(errors.REFUSED, *b.span(node))


BUILD: Final[dict[type[exp.Expr], Callable[[Builder, exp.Expr], n.Node]]] = {
    **dict.fromkeys(COMPARISONS, _compare),
    **dict.fromkeys(ARITHMETIC, _arithmetic),
    exp.And: _joined,
    exp.Or: _joined,
    exp.Column: _column,
    exp.Paren: _paren,
    exp.Neg: _negative,
    exp.Not: _not,
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
    exp.Like: _like,
    exp.Case: _case,
    exp.If: _nothing,
    exp.Anonymous: build_call,
}
