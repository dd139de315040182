"""For processes that decide on payments: the garbage collector looks at what comes and goes, not at the application.

Each full collection walks every object there is, some 300,000 of them modules, models and compiled rules that live as
long as the process. A batch of a thousand payments set it off several times: an eighth of the batch's time, and
pauses of milliseconds for payments that came alone.
"""

from __future__ import annotations

import gc
from typing import Final

# Containers allocated before the youngest are looked at; a payment makes some 500.
YOUNGEST: Final = 50_000


def spare_the_collector() -> None:
    """Call it once everything is imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNGEST, 20, 100)
