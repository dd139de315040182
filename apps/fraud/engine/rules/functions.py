"""Every function of the language, once: the parser, both compilers and the reference read this table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from apps.fraud.engine.rules import arithmetic, columns, limits

if TYPE_CHECKING:
    import polars as pl

    from apps.fraud.engine.rules.nodes import Constant, Type


@dataclass(frozen=True, slots=True)
class Function:
    """`strict`: NULL if an argument is NULL, so `python` sees none. `takes` None: any one type for all arguments."""

    name: str
    shape: str
    takes: Type | None
    gives: Type | None
    fewest: int
    most: int
    says: str
    python: Callable[..., Any]
    polars: Callable[[Sequence[pl.Expr], Sequence[Constant]], pl.Expr]
    strict: bool = True
    partial: bool = False
    """May give NULL even for arguments that are not."""
    floats: bool = False
    """Gives a float even for integers."""


def _first(*values: object) -> object:
    return next((value for value in values if value is not None), None)


MANY: Final = limits.ARGUMENTS
FUNCTIONS: Final = {
    function.name: function
    for function in (
        Function("ABS", "ABS(x)", "number", "number", 1, 1, "the size of x", abs, columns.absolute),
        Function(
            "CEIL",
            "CEIL(x)",
            "number",
            "number",
            1,
            1,
            "the next integer up",
            arithmetic.ceil_,
            columns.ceil,
            floats=True,
        ),
        Function(
            "COALESCE",
            "COALESCE(a, b, …)",
            None,
            None,
            1,
            MANY,
            "the first that is not NULL",
            _first,
            columns.coalesce,
            strict=False,
        ),
        Function(
            "FLOOR",
            "FLOOR(x)",
            "number",
            "number",
            1,
            1,
            "the next integer down",
            arithmetic.floor_,
            columns.floor,
            floats=True,
        ),
        Function(
            "GREATEST",
            "GREATEST(x, y, …)",
            "number",
            "number",
            1,
            MANY,
            "the largest; NULLs are left out",
            arithmetic.greatest,
            columns.greatest,
            strict=False,
        ),
        Function(
            "LEAST",
            "LEAST(x, y, …)",
            "number",
            "number",
            1,
            MANY,
            "the smallest; NULLs are left out",
            arithmetic.least,
            columns.least,
            strict=False,
        ),
        Function("LENGTH", "LENGTH(t)", "text", "number", 1, 1, "how many characters", len, columns.length),
        Function(
            "LN",
            "LN(x)",
            "number",
            "number",
            1,
            1,
            "natural logarithm; NULL unless x > 0",
            arithmetic.logarithm,
            columns.logarithm,
            partial=True,
            floats=True,
        ),
        Function("LOWER", "LOWER(t)", "text", "text", 1, 1, "in small letters", str.lower, columns.lower),
        Function(
            "ROUND",
            "ROUND(x[, n])",
            "number",
            "number",
            1,
            2,
            "to n digits after the point; halves away from zero",
            arithmetic.round_half_away,
            columns.rounded,
            partial=True,
            floats=True,
        ),
        Function(
            "SQRT",
            "SQRT(x)",
            "number",
            "number",
            1,
            1,
            "square root; NULL if x < 0",
            arithmetic.square_root,
            columns.square_root,
            partial=True,
            floats=True,
        ),
        Function(
            "STARTS_WITH",
            "STARTS_WITH(t, u)",
            "text",
            "boolean",
            2,
            2,
            "TRUE if t begins with u",
            str.startswith,
            columns.starts_with,
        ),
        Function("UPPER", "UPPER(t)", "text", "text", 1, 1, "in capitals", str.upper, columns.upper),
    )
}
