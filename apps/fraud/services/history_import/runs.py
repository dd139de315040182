"""Checked payments on their way to the replay: sorted runs on disk, read back in the order of time, block by block.

A run is what fits in memory at once. Blocks are cut at the same moments in every run, so that reading them back needs
no merge of single rows: the parts are put together and sorted. The order is that of the engine, (time, short key).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

# Rows sorted at once: some 100 bytes each.
ROWS_A_RUN: Final = 250_000
ROWS_A_BLOCK: Final = 10_000
# One time in so many stands for those around it when blocks are cut.
SAMPLED: Final = 64
ORDER: Final = ("at", "key")


class Runs:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: list[Path] = []
        self._waiting: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame) -> None:
        self._waiting.append(frame)
        if sum(map(len, self._waiting)) >= ROWS_A_RUN:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            path = self.folder / f"run-{len(self.paths):05}.arrow"
            table = pl.concat(self._waiting).sort(ORDER).to_arrow()
            with pa.ipc.new_file(path, table.schema) as file:
                file.write_table(table)
            self.paths.append(path)
        self._waiting = []


def read_blocks(
    paths: Sequence[Path], left_out: np.ndarray[Any, np.dtype[np.int64]], size: int = ROWS_A_BLOCK
) -> Iterator[pl.DataFrame]:
    runs = [pa.ipc.open_file(pa.memory_map(str(path))).read_all() for path in paths]
    if not runs:
        return
    times = [run["at"].to_numpy() for run in runs]
    sampled = np.sort(np.concatenate([column[::SAMPLED] for column in times]))
    cuts = np.unique(sampled[:: max(size // SAMPLED, 1)])[1:]
    ends = [[*np.searchsorted(column, cuts).tolist(), len(column)] for column in times]
    starts = [[0, *one[:-1]] for one in ends]
    dropped = pl.Series("line", left_out, dtype=pl.Int64)
    for n in range(len(cuts) + 1):
        parts = [run.slice(a[n], b[n] - a[n]) for run, a, b in zip(runs, starts, ends, strict=True) if b[n] > a[n]]
        block = pl.DataFrame(pa.concat_tables(parts))
        if len(parts) > 1:
            block = block.sort(ORDER)
        if len(dropped):
            block = block.filter(~pl.col("line").is_in(dropped.implode()))
        # One instant may have more than a block holds.
        yield from (block.slice(at, size) for at in range(0, len(block), size))
