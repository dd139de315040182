"""Array types, random streams and the vectorised text that the other modules share."""

from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]
U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Rng = np.random.Generator

DAY: Final = 86_400
_HEX: Final = np.frombuffer("".join(f"{i:02x}" for i in range(256)).encode(), dtype=np.uint8).reshape(256, 2)
_LETTER: Final = np.frombuffer(b"abcdef", dtype=np.uint8)
_CLOCK: Final = np.frombuffer(
    "".join(f" {s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(DAY)).encode(), dtype=np.uint8
).reshape(DAY, 9)


def stream(seed: int, *path: int) -> Rng:
    """An independent random stream for one purpose in one block."""
    return np.random.default_rng(np.random.SeedSequence([seed, *path]))


def mix(*parts: I64 | U64 | int) -> U64:
    """A stable 64-bit token of its parts: the same habit gives the same device or address everywhere."""
    with np.errstate(over="ignore"):
        state = np.uint64(0x9E3779B97F4A7C15)
        result: U64 = np.asarray(state)
        for part in parts:
            # splitmix64 finalisation: full avalanche, so neighbours look unrelated.
            result = result + np.asarray(part).astype(np.uint64) + state
            result = (result ^ (result >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            result = (result ^ (result >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            result = result ^ (result >> np.uint64(31))
    return result


def pick(rng: Rng, weights: F64, size: int) -> I64:
    """Indices drawn with these weights (searchsorted is several times faster than choice)."""
    cumulative = np.cumsum(weights)
    drawn: I64 = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right").astype(np.int64)
    return drawn


def within(group: I64) -> I64:
    """Position of each row inside its run of equal values; `group` is sorted."""
    if len(group) == 0:
        return group
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    return np.arange(len(group)) - np.repeat(starts, np.diff(np.r_[starts, len(group)]))


def fixed_text(characters: U8) -> pl.Series:
    """One string per row of a character matrix, without copying it."""
    rows, width = characters.shape
    offsets = np.arange(rows + 1, dtype=np.int64) * width
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters))]
    return pl.Series(pl.from_arrow(pa.Array.from_buffers(pa.large_utf8(), rows, buffers)))


def hex_text(raw: U8, prefix: str = "") -> pl.Series:
    """Hexadecimal tokens with a letter in every eighth place.

    Plain hexadecimal now and then holds thirteen digits in a row, which a scan for card
    numbers must report; the letters make that impossible.
    """
    characters = _HEX[raw].reshape(len(raw), 2 * raw.shape[1])
    for place in range(8, characters.shape[1], 8):
        characters[:, place] = _LETTER[raw[:, place // 2] % 6]
    if prefix:
        head = np.frombuffer(prefix.encode(), dtype=np.uint8)
        characters = np.concatenate([np.broadcast_to(head, (len(raw), len(head))), characters], axis=1)
    return fixed_text(characters)


def token_bytes(keys: U64, width: int) -> U8:
    """The first `width` bytes of each 64-bit key, the same on every machine."""
    return np.ascontiguousarray(keys).astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width]


def time_text(seconds: I64) -> pl.Series:
    """`YYYY-MM-DD HH:MM:SS` in UTC, by table look-up."""
    if len(seconds) == 0:
        return pl.Series([], dtype=pl.String)
    day = seconds // DAY
    first = int(day.min())
    dates = np.datetime_as_string(np.arange(first, int(day.max()) + 1).astype("datetime64[D]"))
    table = np.array([list(text.encode()) for text in dates], dtype=np.uint8)
    return fixed_text(np.concatenate([table[day - first], _CLOCK[seconds % DAY]], axis=1))


def number_text(prefix: str, numbers: I64, width: int) -> pl.Series:
    """`C00001`: zero-padded, and wider once the number no longer fits."""
    return prefix + pl.Series(numbers).cast(pl.String).str.zfill(width)


def label_text(names: tuple[str, ...], index: I64) -> pl.Series:
    return pl.Series(list(names), dtype=pl.String).gather(pl.Series(index))
