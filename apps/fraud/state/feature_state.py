"""What a feature state can do, whichever store is behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from apps.fraud.engine.event import Facts
from apps.fraud.engine.history import History
from apps.fraud.state.layout import LabelFacts


class FeatureState(Protocol):
    """`now` is the present of the event's clock, in microseconds: what is old by it lives less long."""

    def observe(self, tenant_id: int, facts: Sequence[Facts], *, now: int) -> list[History]:
        """Remember each payment in turn, and tell what is then known of its entities. Repeats change nothing.

        Each payment is one atomic step. What is told may hold the payment itself and whatever came early; `Case`
        leaves those out.
        """

    def look(self, tenant_id: int, facts: Sequence[Facts]) -> list[History]:
        """Tell the same, remember nothing."""

    def label(self, tenant_id: int, labels: Sequence[LabelFacts], *, now: int) -> None:
        """Remember verdicts. A repeat changes nothing; a later one stands above an earlier one."""
