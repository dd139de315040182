"""Signs to tokens. Only what the language knows gets through, so no dialect of SQL can read more into a text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from apps.fraud.engine.rules import errors, limits
from apps.fraud.engine.rules.errors import RuleSyntaxError

Kind = Literal["word", "keyword", "function", "number", "string", "parameter", "sign"]
KEYWORDS: Final = frozenset(
    ["AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL", "TRUE", "FALSE", "CASE", "WHEN", "THEN", "ELSE", "END"]
)
TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    | (?P<comment>--|/\*|\#)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<string>'[^']*(?:''[^']*)*')
    | (?P<parameter>:[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign><>|!=|<=|>=|[=<>+\-*/%(),])""",
    re.VERBOSE,
)
GLUED: Final = re.compile(r"[A-Za-z0-9_.]+")
IMPOSSIBLE: Final = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Lexeme:
    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def lex(text: str) -> list[Lexeme]:
    if len(text) > limits.TEXT:
        raise RuleSyntaxError(errors.TOO_LONG, limits.TEXT, len(text) - limits.TEXT, limit=limits.TEXT)
    if found := IMPOSSIBLE.search(text):
        raise RuleSyntaxError(errors.NUL, found.start())
    lexemes: list[Lexeme] = []
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None or match.lastgroup == "comment":
            raise _wrong(text, position, comment=match is not None)
        if match.lastgroup == "number":
            _ends_here(text, match)
        if match.lastgroup != "space":
            lexemes.append(_lexeme(text, match))
        position = match.end()
    if not lexemes:
        raise RuleSyntaxError(errors.EMPTY, 0, len(text))
    return lexemes


def _lexeme(text: str, match: re.Match[str]) -> Lexeme:
    found, start = match.group(), match.start()
    if match.lastgroup != "word":
        return Lexeme(match.lastgroup, found, start)  # type: ignore[arg-type]  # the groups are the kinds
    if found.upper() in KEYWORDS:
        return Lexeme("keyword", found, start)
    called = text[match.end() :].lstrip(" \t\r\n").startswith("(")
    return Lexeme("function" if called else "word", found, start)


def _ends_here(text: str, match: re.Match[str]) -> None:
    """`0x1F`, `1.` and `12abc` are other things in some dialects of SQL, and mistakes here."""
    if glued := GLUED.match(text, match.end()):
        whole = text[match.start() : glued.end()]
        raise RuleSyntaxError(errors.BAD_NUMBER, match.start(), len(whole), text=whole[:40])


def _wrong(text: str, position: int, *, comment: bool) -> RuleSyntaxError:
    sign = text[position]
    if comment:
        return RuleSyntaxError(errors.COMMENT, position, 1)
    if sign == "'":
        return RuleSyntaxError(errors.UNTERMINATED, position, len(text) - position)
    if sign == '"':
        return RuleSyntaxError(errors.DOUBLE_QUOTE, position)
    return RuleSyntaxError(errors.CHARACTER, position, 1, sign=sign if sign.isprintable() else ascii(sign))
