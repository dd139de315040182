"""What lets the forest set a row apart so soon: each cut on the row's way is credited to the column it was made on.

Before a cut among n rows, an average row has c(n) cuts ahead of it; after the cut c(m), among the m that went the same
way. The cut so saved c(n) − 1 − c(m). Along a tree these add up to how much sooner than an average row this one was
alone; nothing is left over. An ordinary value mostly stays with the larger part and saves nothing, or less.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

EULER: Final = 0.5772156649015329


def average_cuts(count: int) -> float:
    """c(n): cuts until an average one of n rows is alone (Liu, Ting and Zhou, 2008)."""
    if count <= 1:
        return 0.0
    if count == 2:
        return 1.0
    return 2.0 * (float(np.log(count - 1.0)) + EULER) - 2.0 * (count - 1.0) / count


def cuts_saved(trees: list[Any], row: NDArray[np.float64]) -> NDArray[np.float64]:
    """By column, the cuts it saved, averaged over the trees. Their sum is c(sample) minus the row's mean way."""
    saved, row = np.zeros(len(row)), row.astype(np.float32)  # as the trees themselves compare
    for tree in trees:
        node = 0
        while (left := tree.children_left[node]) != -1:
            column = tree.feature[node]
            onward = left if row[column] <= tree.threshold[node] else tree.children_right[node]
            before, after = int(tree.n_node_samples[node]), int(tree.n_node_samples[onward])
            saved[column] += average_cuts(before) - 1.0 - average_cuts(after)
            node = onward
    return saved / len(trees)
