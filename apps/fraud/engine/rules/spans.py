"""Where in the text a part of sqlglot's tree stands: from its first token to its last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from apps.fraud.engine.rules.grammar import FUNCTION_PREFIX
from apps.fraud.engine.rules.lexer import Lexeme
from apps.fraud.engine.rules.typecheck import Span


def token_index(node: exp.Expr) -> int | None:
    """Of a leaf or a function: they carry their token's number as their name.

    None for a name that sqlglot made itself: it reads some keywords as names where nothing else fits.
    """
    if isinstance(node, exp.Column):
        name = node.this
        return int(name.this) if isinstance(name, exp.Identifier) and name.args.get("quoted") else None
    if isinstance(node, exp.Anonymous) and str(node.this).startswith(FUNCTION_PREFIX):
        return int(str(node.this).removeprefix(FUNCTION_PREFIX))
    return None


def _indexes(node: exp.Expr) -> Iterator[int]:
    for part in node.walk():
        if (index := token_index(part)) is not None:
            yield index


def span(node: exp.Expr, lexemes: Sequence[Lexeme]) -> Span:
    """A part without a leaf (a lone star, an empty pair) has no place of its own: the whole text stands for it."""
    found = list(_indexes(node))
    first, last = (min(found), max(found)) if found else (0, len(lexemes) - 1)
    return lexemes[first].start, lexemes[last].end - lexemes[first].start
