"""A look at the tokens before the parser recurses over them: pairs match, and nothing nests without end."""

from __future__ import annotations

from collections.abc import Sequence

from apps.fraud.engine.rules import errors, limits
from apps.fraud.engine.rules.errors import RuleSyntaxError
from apps.fraud.engine.rules.lexer import Lexeme

# What may stand before a sign that takes one operand; elsewhere + and - take two.
OPENERS = frozenset(["(", ",", "AND", "OR", "NOT", "WHEN", "THEN", "ELSE", "CASE", "BETWEEN", "LIKE", "IN", "IS"])
SIGNS = frozenset("+-*/%=<>") | {"<>", "!=", "<=", ">="}
# A prefix operator ends where its operand surely does. Counting some of them too long is harmless.
ENDERS = frozenset([",", "OR", "WHEN", "THEN", "ELSE"])

# What sqlglot lets pass, because some dialect does.
JUNK = frozenset([("(", ","), (",", ")"), (",", ",")])


def check_nesting(lexemes: Sequence[Lexeme]) -> None:  # noqa: C901  # one line a kind of token
    """Holds a stack of what is open: parentheses, CASEs, and the NOTs and minuses that wait for their operand."""
    stack: list[tuple[str, Lexeme]] = []
    before = "WHEN"  # as at the start of a condition
    betweens = 0
    for lexeme in lexemes:
        word = lexeme.text.upper() if lexeme.kind in ("keyword", "sign") else ""
        if (before, word) in JUNK or (word == "+" and (before in OPENERS or before in SIGNS)):
            raise RuleSyntaxError(errors.UNREADABLE, lexeme.start, len(lexeme.text), text=lexeme.text)
        if word in ("(", "CASE"):
            stack.append((word, lexeme))
        elif word == "NOT" or (word == "-" and (before in OPENERS or before in SIGNS)):
            stack.append(("prefix", lexeme))
        elif word == "BETWEEN":
            betweens += 1
        elif word == "AND" and betweens:
            betweens -= 1
        elif word in ENDERS or word == "AND":
            _drop_prefixes(stack)
        elif word in (")", "END"):
            _close(stack, lexeme, word)
        elif not word:
            _drop_minuses(stack)
        if len(stack) > limits.DEPTH:
            raise RuleSyntaxError(errors.TOO_DEEP, lexeme.start, len(lexeme.text), limit=limits.DEPTH)
        before = word
    _check_closed(stack)


def _drop_prefixes(stack: list[tuple[str, Lexeme]]) -> None:
    while stack and stack[-1][0] == "prefix":
        stack.pop()


def _drop_minuses(stack: list[tuple[str, Lexeme]]) -> None:
    while stack and stack[-1][0] == "prefix" and stack[-1][1].kind == "sign":
        stack.pop()


def _close(stack: list[tuple[str, Lexeme]], lexeme: Lexeme, word: str) -> None:
    _drop_prefixes(stack)
    opener = "(" if word == ")" else "CASE"
    if not stack or stack[-1][0] != opener:
        if word == ")" and not stack:
            raise RuleSyntaxError(errors.CLOSE, lexeme.start)
        raise RuleSyntaxError(errors.UNREADABLE, lexeme.start, len(lexeme.text), text=lexeme.text)
    stack.pop()
    _drop_minuses(stack)


def _check_closed(stack: list[tuple[str, Lexeme]]) -> None:
    _drop_prefixes(stack)
    if stack:
        word, lexeme = stack[-1]
        raise RuleSyntaxError(errors.OPEN if word == "(" else errors.NO_END, lexeme.start, len(lexeme.text))
