"""Payments that stand in the file twice: the first line stays. Exact, in the memory of a thirty-second of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

BUCKETS: Final = 32
_PAIR: Final = np.dtype([("key", "<u8"), ("line", "<i8")])


class Repeats:
    def __init__(self, folder: Path) -> None:
        self._paths = [folder / f"ids-{n:02}" for n in range(BUCKETS)]
        self._files = [path.open("wb") for path in self._paths]

    def add(self, keys: np.ndarray[Any, np.dtype[np.uint64]], lines: np.ndarray[Any, np.dtype[np.int64]]) -> None:
        pairs = np.empty(len(keys), _PAIR)
        pairs["key"], pairs["line"] = keys, lines
        bucket = (keys >> np.uint64(59)).astype(np.uint8)
        order = np.argsort(bucket, kind="stable")
        ends = np.searchsorted(bucket[order], np.arange(BUCKETS), side="right")
        for file, part in zip(self._files, np.split(pairs[order], ends[:-1]), strict=True):
            file.write(part.tobytes())

    def lines(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Of all but the first of each payment, in order."""
        found = [self._in(path, file) for path, file in zip(self._paths, self._files, strict=True)]
        return np.sort(np.concatenate(found))

    def _in(self, path: Path, file: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
        file.close()
        pairs = np.fromfile(path, _PAIR)
        path.unlink()
        pairs = pairs[np.lexsort((pairs["line"], pairs["key"]))]
        again = np.flatnonzero(pairs["key"][1:] == pairs["key"][:-1]) + 1
        return pairs["line"][again]

    def close(self) -> None:
        for file in self._files:
            file.close()
