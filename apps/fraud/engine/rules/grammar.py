"""Tokens to a tree by sqlglot, which knows the grammar of SQL. Names and values reach it as numbered atoms only.

So it settles what binds to what and nothing else: no dialect's idea of a literal, a cast, a function or a date name
can apply, and each leaf of its tree leads back to the token, and the character, that it came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import Dialect, exp
from sqlglot.errors import ErrorLevel, ParseError
from sqlglot.tokens import Token, TokenType

from apps.fraud.engine.rules import errors, limits
from apps.fraud.engine.rules.errors import RuleSyntaxError
from apps.fraud.engine.rules.lexer import Lexeme

T: Final = TokenType
SIGNS: Final = {
    "=": T.EQ, "<>": T.NEQ, "!=": T.NEQ, "<": T.LT, "<=": T.LTE, ">": T.GT, ">=": T.GTE, "+": T.PLUS, "-": T.DASH,
    "*": T.STAR, "/": T.SLASH, "%": T.MOD, "(": T.L_PAREN, ")": T.R_PAREN, ",": T.COMMA,
}  # fmt: skip
WORDS: Final = {
    "AND": T.AND, "OR": T.OR, "NOT": T.NOT, "IN": T.IN, "BETWEEN": T.BETWEEN, "LIKE": T.LIKE, "IS": T.IS,
    "CASE": T.CASE, "WHEN": T.WHEN, "THEN": T.THEN, "ELSE": T.ELSE, "END": T.END,
}  # fmt: skip
FUNCTION_PREFIX: Final = "f_"
DIALECT: Final = Dialect.get_or_raise(None)


def grammar_tree(lexemes: Sequence[Lexeme], text: str) -> exp.Expr:
    tokens = [_token(lexemes, index) for index in range(len(lexemes))]
    parser = DIALECT.parser(error_level=ErrorLevel.IMMEDIATE)
    try:
        tree = parser.parse_into(exp.Condition, tokens, text)
    except ParseError as error:
        raise _unreadable(lexemes, _index(error)) from None
    except RecursionError:  # the scan counts nesting; this is for what it may have counted too low
        raise RuleSyntaxError(errors.TOO_DEEP, 0, len(text), limit=limits.DEPTH) from None
    if len(tree) != 1 or tree[0] is None:
        raise _unreadable(lexemes, 0)
    return tree[0]


def _token(lexemes: Sequence[Lexeme], index: int) -> Token:
    lexeme = lexemes[index]
    upper = lexeme.text.upper()
    kind, text = T.IDENTIFIER, str(index)
    if lexeme.kind == "sign":
        kind, text = SIGNS[upper], upper
    elif lexeme.kind == "keyword" and (upper in WORDS or _after_is(lexemes, index)):
        kind, text = WORDS.get(upper, T.NULL), upper
    elif lexeme.kind == "function":
        kind, text = T.VAR, f"{FUNCTION_PREFIX}{index}"
    return Token(kind, text, line=1, col=index, start=lexeme.start, end=lexeme.end - 1)


def _after_is(lexemes: Sequence[Lexeme], index: int) -> bool:
    """NULL is part of the grammar in IS NULL, and a value elsewhere."""
    before = [lexeme.text.upper() for lexeme in lexemes[max(index - 2, 0) : index]]
    return lexemes[index].text.upper() == "NULL" and (before[-1:] == ["IS"] or before == ["IS", "NOT"])


def _index(error: ParseError) -> int:
    return int(error.errors[0].get("col") or 0) if error.errors else 0


def _unreadable(lexemes: Sequence[Lexeme], index: int) -> RuleSyntaxError:
    lexeme = lexemes[min(max(index, 0), len(lexemes) - 1)]
    return RuleSyntaxError(errors.UNREADABLE, lexeme.start, len(lexeme.text), text=lexeme.text[:40])
