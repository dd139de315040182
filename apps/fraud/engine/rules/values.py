"""Plain values: literals of a text and parameters given beside it, checked and typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

from apps.fraud.engine.rules import errors, limits
from apps.fraud.engine.rules.errors import RuleSyntaxError
from apps.fraud.engine.rules.lexer import IMPOSSIBLE, Lexeme
from apps.fraud.engine.rules.nodes import Const, Constant

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
Parameters = Mapping[str, float | int | bool | str]


def number(lexeme: Lexeme) -> Const:
    value = float(lexeme.text)
    if lexeme.text.isdigit() and (len(lexeme.text) > 400 or int(lexeme.text) > limits.INTEGER):
        raise RuleSyntaxError(errors.BIG_INTEGER, lexeme.start, len(lexeme.text))
    if not isfinite(value):
        raise RuleSyntaxError(errors.BIG_NUMBER, lexeme.start, len(lexeme.text))
    return Const(value, "number")


def string(lexeme: Lexeme) -> Const:
    return Const(lexeme.text[1:-1].replace("''", "'"), "text")


def parameter_constants(parameters: Parameters) -> dict[str, Const]:
    if len(parameters) > limits.PARAMETERS:
        raise RuleSyntaxError(errors.TOO_MANY_PARAMETERS, 0, 0, limit=limits.PARAMETERS)
    return {name: _parameter(name, value) for name, value in parameters.items()}


def _parameter(name: str, value: Constant | int) -> Const:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise RuleSyntaxError(errors.PARAMETER_VALUE, 0, 0, name=str(name)[:80])
    if isinstance(value, bool):
        return Const(value, "boolean", name)
    if isinstance(value, str) and len(value) <= limits.PARAMETER_TEXT and not IMPOSSIBLE.search(value):
        return Const(value, "text", name)
    if isinstance(value, int) and abs(value) <= limits.INTEGER:
        return Const(float(value), "number", name)
    if isinstance(value, float) and isfinite(value):
        return Const(value, "number", name)
    raise RuleSyntaxError(errors.PARAMETER_VALUE, 0, 0, name=name)
