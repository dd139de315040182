"""Second pass: blocks of payments, in the order of time, through the code that scores live."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import polars as pl
from msgspec.structs import fields

from apps.fraud.engine.event import Facts
from apps.fraud.engine.features.catalogue import compute_row
from apps.fraud.services.feature_matrix import MatrixRow
from apps.fraud.services.history_import.mapping import HistoryMap
from apps.fraud.state.history_state import HistoryState
from apps.fraud.state.layout import LabelFacts
from kivendtout.lib.clock import moment_of

# The same facts, made from columns: a call with 32 names takes four times as long as one with 32 places.
_placed: Any = msgspec.defstruct(
    "Placed",
    [
        (one.name, one.type) if one.default is msgspec.NODEFAULT else (one.name, one.type, one.default)
        for one in fields(Facts)
    ],
    bases=(Facts,),
    frozen=True,
)
NAMES: Final = Facts.__struct_fields__
# The state is this replay's own; a tenant's number only keeps tenants apart in it.
SPACE: Final = 0


class Replay:
    def __init__(self, mapped: HistoryMap) -> None:
        self.state = HistoryState()
        self.fixed = (
            dict.fromkeys(NAMES, msgspec.NODEFAULT)
            | {one.name: one.default for one in fields(Facts) if one.default is not msgspec.NODEFAULT}
            | mapped.fixed()
        )
        self.zone: ZoneInfo = mapped.local_zone
        self.judged_with_result = mapped.status.known_when_judged
        self._labels: list[tuple[int, int, LabelFacts]] = []

    def rows(self, block: pl.DataFrame) -> Iterator[MatrixRow]:
        truths = (block[name].to_list() for name in ("line", "is_fraud", "known_at"))
        told = self._facts(block, with_result=self.judged_with_result)
        became = told if self.judged_with_result else self._facts(block, with_result=True)
        for one, ended, line, is_fraud, known_at in zip(told, became, *truths, strict=True):
            self._tell_labels(one.at)
            values = compute_row(one, self.state.before(SPACE, ended), self.zone)
            self.state.add(SPACE, ended)
            if is_fraud:
                self._remember(one, line, known_at)
            yield MatrixRow(line, one, values, is_fraud, None if known_at is None else moment_of(known_at))

    def _facts(self, block: pl.DataFrame, *, with_result: bool) -> list[Facts]:
        size, columns = len(block), []
        for name in NAMES:
            hidden = not with_result and name in ("status", "failure_code")
            if name in block.columns and not hidden:
                values = block[name].to_list()
                columns.append([value or "" for value in values] if name == "failure_code" else values)
            else:
                columns.append([self._same(name, hidden=hidden)] * size)
        return list(map(_placed, *columns))

    def _same(self, name: str, *, hidden: bool) -> Any:
        if hidden:
            return "pending" if name == "status" else ""
        return self.fixed[name]

    def _tell_labels(self, at: int) -> None:
        while self._labels and self._labels[0][0] <= at:
            self.state.label(SPACE, [heappop(self._labels)[2]], now=at)

    def _remember(self, one: Facts, line: int, known_at: int) -> None:
        """A history's "no" says that nobody complained: it is no verdict, and pushes no fraud out of memory."""
        label = LabelFacts(
            payment_id=one.payment_id, customer=one.customer, device=one.device, card=one.card, merchant=one.merchant,
            known_at=known_at, is_fraud=True,
        )  # fmt: skip
        heappush(self._labels, (known_at, line, label))
