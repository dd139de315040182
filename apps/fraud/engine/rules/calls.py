"""Calls: functions of the registry with arguments that fit, and `list('name')`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlglot import exp

from apps.fraud.engine.rules import errors, limits, typecheck
from apps.fraud.engine.rules import nodes as n
from apps.fraud.engine.rules.atoms import LIST, check_list
from apps.fraud.engine.rules.errors import RuleSyntaxError
from apps.fraud.engine.rules.functions import FUNCTIONS, Function
from apps.fraud.engine.rules.spans import token_index

if TYPE_CHECKING:
    from apps.fraud.engine.rules.build import Builder


def build_call(b: Builder, node: exp.Expr) -> n.Node:
    lexeme = b.lexemes[b.index(node)]
    if (name := list_name(b, node)) is not None:
        return n.OnList(name)
    function = FUNCTIONS[lexeme.text.upper()]
    where = (lexeme.start, len(lexeme.text))
    given = node.expressions
    if not function.fewest <= len(given) <= function.most:
        takes = f"{function.fewest}" if function.fewest == function.most else f"{function.fewest}-{function.most}"
        raise RuleSyntaxError(errors.ARITY, *where, name=function.name, takes=takes, given=len(given))
    arguments = tuple(b.build(argument) for argument in given)
    return n.Call(function.name, arguments, _result(b, function, arguments, node))


def _result(b: Builder, function: Function, arguments: tuple[n.Node, ...], node: exp.Expr) -> n.Type:
    spans = [b.span(argument) for argument in node.expressions]
    if function.takes is None:
        return typecheck.common(arguments, spans, b.span(node))
    for argument, where in zip(arguments, spans, strict=True):
        typecheck.need(argument, function.takes, where)
    if function.name == "ROUND" and len(arguments) > 1:
        _check_digits(arguments[1], spans[1])
    return function.gives or function.takes


def _check_digits(node: n.Node, where: typecheck.Span) -> None:
    value = cast("float", node.value) if isinstance(node, n.Const) else 0.5
    if value != int(value) or abs(value) > limits.ROUND_DIGITS:
        raise RuleSyntaxError(errors.DIGITS, *where, limit=limits.ROUND_DIGITS)


def list_name(b: Builder, node: exp.Expr) -> str | None:
    """The name in `list('name')`; None for another function."""
    b.check(node)
    lexeme = b.lexemes[b.index(node)]
    if lexeme.text.upper() != LIST:
        return None
    given = node.expressions
    index = token_index(given[0]) if len(given) == 1 and isinstance(given[0], exp.Column) else None
    atom = None if index is None else b.atoms[index]
    if index is None or b.lexemes[index].kind != "string" or not isinstance(atom, n.Const):
        raise RuleSyntaxError(errors.LIST_FORM, lexeme.start, len(lexeme.text), limit=limits.LIST_NAME)
    name = str(atom.value)
    if not 1 <= len(name) <= limits.LIST_NAME or not name.isprintable():
        raise RuleSyntaxError(errors.LIST_FORM, lexeme.start, len(lexeme.text), limit=limits.LIST_NAME)
    check_list(name, b.lists, b.lexemes[index])
    return name
