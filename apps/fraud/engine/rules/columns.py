"""The same formulas as `arithmetic.py` over whole columns. Polars is imported inside: the web process runs without it.

Each is handed to Polars as one step over its inputs. Written as expressions they would name an input several times,
and nested ones would double in size at each level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from apps.fraud.engine.rules.arithmetic import power_of_ten

if TYPE_CHECKING:
    import polars as pl

    from apps.fraud.engine.rules.nodes import Constant

    Step = Callable[[Sequence[pl.Series]], pl.Series]


def step(function: Step, inputs: Sequence[pl.Expr], *, text: bool = False) -> pl.Expr:
    import polars as pl

    kind = pl.String() if text else pl.Float64()
    return pl.map_batches(list(inputs), function, return_dtype=kind, is_elementwise=True)


def keep_finite(column: pl.Series) -> pl.Series:
    sound = column.is_finite()
    return column if sound.all() else column.set(~sound, None)


def finite(inputs: Sequence[pl.Series]) -> pl.Series:
    return keep_finite(inputs[0])


def modulo(inputs: Sequence[pl.Series]) -> pl.Series:
    left, right = inputs
    quotient = left / right
    whole = quotient.abs().floor() * quotient.sign()
    return keep_finite(left - right * whole)


def round_half_away(inputs: Sequence[pl.Series], digits: int) -> pl.Series:
    scale = power_of_ten(digits)
    scaled = inputs[0] * scale if digits >= 0 else inputs[0] / scale
    size = scaled.abs()
    whole = size.floor()
    rounded = whole + ((size - whole) >= 0.5).cast(scaled.dtype)
    return keep_finite((rounded / scale if digits >= 0 else rounded * scale) * scaled.sign())


def each_distinct(inputs: Sequence[pl.Series], function: Callable[[str], str]) -> pl.Series:
    """Python's own upper and lower case, once per distinct text: Rust may follow another edition of Unicode."""
    column = inputs[0]
    texts = column.drop_nulls().unique().to_list()
    return column.replace_strict(texts, [function(text) for text in texts], default=None, return_dtype=column.dtype)


def absolute(inputs: Sequence[pl.Expr], _: Sequence[Constant]) -> pl.Expr:
    return inputs[0].abs()


def rounded(inputs: Sequence[pl.Expr], constants: Sequence[Constant]) -> pl.Expr:
    digits = int(constants[1] or 0) if len(constants) > 1 else 0
    return step(lambda columns: round_half_away(columns, digits), inputs[:1])


def floor(inputs: Sequence[pl.Expr], _: Sequence[Constant]) -> pl.Expr:
    return inputs[0].floor()


def ceil(inputs: Sequence[pl.Expr], _: Sequence[Constant]) -> pl.Expr:
    return inputs[0].ceil()


def square_root(inputs: Sequence[pl.Expr], _: Sequence[Constant]) -> pl.Expr:
    return step(lambda columns: keep_finite(columns[0].sqrt()), inputs)


def logarithm(inputs: Sequence[pl.Expr], _: Sequence[Constant]) -> pl.Expr:
    return step(lambda columns: keep_finite(columns[0].log()), inputs)


def lower(inputs: Sequence[pl.Expr], _: Sequence[Constant]) -> pl.Expr:
    return step(lambda columns: each_distinct(columns, str.lower), inputs, text=True)


def upper(inputs: Sequence[pl.Expr], _: Sequence[Constant]) -> pl.Expr:
    return step(lambda columns: each_distinct(columns, str.upper), inputs, text=True)


def length(inputs: Sequence[pl.Expr], _: Sequence[Constant]) -> pl.Expr:
    import polars as pl

    return inputs[0].str.len_chars().cast(pl.Float64)


def starts_with(inputs: Sequence[pl.Expr], _: Sequence[Constant]) -> pl.Expr:
    return inputs[0].str.starts_with(inputs[1])


def least(inputs: Sequence[pl.Expr], _: Sequence[Constant]) -> pl.Expr:
    import polars as pl

    return pl.min_horizontal(list(inputs))


def greatest(inputs: Sequence[pl.Expr], _: Sequence[Constant]) -> pl.Expr:
    import polars as pl

    return pl.max_horizontal(list(inputs))


def coalesce(inputs: Sequence[pl.Expr], _: Sequence[Constant]) -> pl.Expr:
    import polars as pl

    return pl.coalesce(list(inputs))
