"""The formulas that both compilers must share to the bit, for one value. None in, none here: NULLs never reach them."""

from __future__ import annotations

from math import ceil, copysign, floor, isfinite, log, sqrt, trunc

Number = float | int


def finite(value: float) -> float | None:
    return value if isfinite(value) else None


def modulo(left: Number, right: Number) -> float | None:
    """The sign of the left side, as in SQL. Written with division, because `fmod` has no twin in Polars."""
    if right == 0:
        return None
    quotient = left / right
    if not isfinite(quotient):
        return None
    return finite(left - float(right) * trunc(quotient))


def power_of_ten(digits: Number) -> float:
    return float(10 ** abs(int(digits)))


def round_half_away(value: Number, digits: Number = 0) -> float | None:
    """Compares the part after the point with a half: adding 0.5 first would turn 0.49999999999999994 into 1."""
    scale = power_of_ten(digits)
    scaled = value * scale if digits >= 0 else value / scale
    if not isfinite(scaled):
        return None
    size = abs(scaled)
    whole = float(floor(size))
    if size - whole >= 0.5:
        whole += 1.0
    return finite(copysign(whole / scale if digits >= 0 else whole * scale, scaled))


def floor_(value: Number) -> float:
    return float(floor(value))


def ceil_(value: Number) -> float:
    return float(ceil(value))


def square_root(value: Number) -> float | None:
    return sqrt(value) if value >= 0 else None


def logarithm(value: Number) -> float | None:
    return log(value) if value > 0 else None


def least(*values: Number | None) -> Number | None:
    return min((value for value in values if value is not None), default=None)


def greatest(*values: Number | None) -> Number | None:
    return max((value for value in values if value is not None), default=None)
