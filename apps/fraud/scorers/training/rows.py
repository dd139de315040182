"""A feature matrix in memory, in the order of time: numbers for the booster, and beside them what measures need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.scorers.artefact import Column
from apps.fraud.scorers.encoding import Matrix

Moments = NDArray[np.int64]
"""Microseconds since 1970."""
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Margins = NDArray[np.float32]
"""Log-odds, as the booster gives them."""
DAY: Final = 86_400_000_000
NEVER: Final = 2**62


@dataclass(frozen=True)
class Rows:
    columns: tuple[Column, ...]
    matrix: Matrix
    at: Moments
    fraud: Flags
    """As the file says today; see `known`."""
    known_at: Moments
    """NEVER where nobody has said."""
    customers: NDArray[np.int64]
    """Numbers in place of ids."""
    amounts: Floats
    """Euros; 0 where they are not known."""
    facts: dict[str, NDArray[np.object_]]
    """Texts and numbers by which the report sets payments apart."""
    order: NDArray[np.int64]
    """Which row of the file stands where."""
    ignored: tuple[str, ...] = ()
    """Columns of the file that are no features."""
    older: int = 0
    """Payments of the file that came before these and were left out: there were too many."""

    def __len__(self) -> int:
        return len(self.at)

    def known(self, on: int) -> Flags:
        """Labels as known then: a payment that nobody had spoken of counts as genuine."""
        return self.fraud & (self.known_at <= on)
