"""Where in the text a part of sqlglot's tree stands: from its first token to its last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from apps.fraud.engine.rules.grammar import FUNCTION_PREFIX
from apps.fraud.engine.rules.lexer import Lexeme
from apps.fraud.engine.rules.types import Span


def token_index(node: exp.Expr) -> int:
    """Of a leaf or a function: they carry their token's number as their name."""
    return int(str(node.this.name if isinstance(node, exp.Column) else node.this).removeprefix(FUNCTION_PREFIX))


def _indexes(node: exp.Expr) -> Iterator[int]:
    for part in node.walk():
        if isinstance(part, exp.Column | exp.Anonymous):
            yield token_index(part)


def first_index(node: exp.Expr) -> int:
    return min(_indexes(node), default=0)


def span(node: exp.Expr, lexemes: Sequence[Lexeme]) -> Span:
    """A part without a leaf (a lone star, an empty pair) has no place of its own: the whole text stands for it."""
    found = list(_indexes(node))
    first, last = (min(found), max(found)) if found else (0, len(lexemes) - 1)
    return lexemes[first].start, lexemes[last].end - lexemes[first].start
