"""LIKE without a matcher that can run away: plain tests where they do, else a pattern that never backtracks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Shape = Literal["equal", "starts", "ends", "contains", "pattern"]


@dataclass(frozen=True, slots=True)
class Pattern:
    shape: Shape
    text: str
    """The plain text to look for; for `pattern`, the pattern as it was written."""


def pattern(text: str) -> Pattern:
    inner = text.strip("%")
    if "%" in inner or "_" in inner or (text and not inner):
        return Pattern("pattern", text)
    head, tail = text.startswith("%"), text.endswith("%")
    shape: Shape = "contains" if head and tail else "ends" if head else "starts" if tail else "equal"
    return Pattern(shape, inner)


def _segment(text: str) -> str:
    return "".join("." if sign == "_" else re.escape(sign) for sign in text)


def python_matcher(text: str) -> Callable[[str], object]:
    """Each middle piece is taken at its first place and never again: `(?>…)` keeps the time linear in the value."""
    first, *rest = text.split("%")
    if not rest:
        return re.compile(_segment(first), re.DOTALL).fullmatch
    middle = "".join(f"(?>.*?{_segment(piece)})" for piece in rest[:-1] if piece)
    return re.compile(f"{_segment(first)}{middle}.*{_segment(rest[-1])}", re.DOTALL).fullmatch


def _rust_sign(sign: str) -> str:
    if sign == "%":
        return ".*"
    if sign == "_":
        return "."
    return sign if sign.isalnum() and sign.isascii() else f"\\x{{{ord(sign):x}}}"


def rust_regex(text: str) -> str:
    """The same for Polars, whose engine never backtracks."""
    return "(?s)\\A" + "".join(_rust_sign(sign) for sign in text) + "\\z"
