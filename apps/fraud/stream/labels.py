"""What a batch of verdicts does: recorded as `services/labels.py` does it, and told by position what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from apps.fraud.services.labels import labels_record


class Read(Protocol):
    """What `batch.Read` has, and all that is asked of it."""

    @property
    def message(self) -> Any: ...


class LabelsDone(NamedTuple):
    early: list[int]
    """Positions of verdicts whose payment has not come yet: to be read again."""
    dead: list[tuple[int, str]]
    """Positions and sentences: readable, and not to be reconciled with what is on record."""
    counts: Counter[Literal["recorded", "repeated"]]


def labels_of_batch(tenant_id: int, reads: Sequence[Read], *, now: datetime, wait: bool) -> LabelsDone:
    """`wait`: their payments may still come. Without it, a verdict on an unknown payment is dead."""
    done = labels_record(tenant_id=tenant_id, events=[read.message for read in reads], now=now, wait_for_payments=wait)
    dead = [(n, sentence) for n, (_payment, sentence) in zip(done.rejected_at, done.rejected, strict=True)]
    recorded = len(done.new_at) + len(done.changed_at)
    return LabelsDone(done.early_at, dead, Counter({"recorded": recorded, "repeated": done.repeated}))
