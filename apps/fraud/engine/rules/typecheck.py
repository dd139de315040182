"""Which types go together. Nothing is ever converted: a mismatch is an error that points at the operand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from apps.fraud.engine.rules import errors
from apps.fraud.engine.rules.errors import RuleSyntaxError
from apps.fraud.engine.rules.nodes import Node, Type

Span = tuple[int, int]
"""Position and length."""
SHOWN: Final[dict[Type, str]] = {"number": "a number", "boolean": "a condition", "text": "a text", "null": "NULL"}


def need(node: Node, wanted: Type, span: Span) -> None:
    if node.type != wanted:
        expected = SHOWN[wanted].capitalize()
        raise RuleSyntaxError(errors.WRONG_TYPE, *span, expected=expected, found=SHOWN[node.type])


def need_condition(node: Node, span: Span) -> None:
    """NULL may stand for a condition whose answer is not known."""
    if node.type != "null":
        need(node, "boolean", span)


def comparable(left: Node, right: Node, sign: str, spans: tuple[Span, Span]) -> None:
    for node, span in zip((left, right), spans, strict=True):
        if node.type == "null":
            raise RuleSyntaxError(errors.NULL_HERE, *span)
    if left.type != right.type:
        raise RuleSyntaxError(errors.DIFFERENT, *spans[1], left=SHOWN[left.type].capitalize(), right=SHOWN[right.type])
    if left.type == "boolean" and sign not in ("=", "<>"):
        raise RuleSyntaxError(errors.BOOLEAN_ORDER, *spans[1])


def common(nodes: Sequence[Node], spans: Sequence[Span], whole: Span) -> Type:
    """The one type of several results; NULLs take the type of the others."""
    found: Type = "null"
    for node, span in zip(nodes, spans, strict=True):
        if node.type == "null" or node.type == found:
            continue
        if found != "null":
            raise RuleSyntaxError(errors.DIFFERENT, *span, left=SHOWN[found].capitalize(), right=SHOWN[node.type])
        found = node.type
    if found == "null":
        raise RuleSyntaxError(errors.NO_VALUE, *whole)
    return found
