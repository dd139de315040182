"""Second pass: blocks of payments, in the order of time, through the code that scores live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import polars as pl
import pyarrow as pa
from msgspec.structs import fields

from apps.fraud.engine.event import Facts
from apps.fraud.engine.features.catalogue import compute_row
from apps.fraud.engine.features.feature import Value
from apps.fraud.services.feature_matrix import MOMENT, feature_columns, matrix_table
from apps.fraud.services.history_import.mapping import HistoryMap
from apps.fraud.state.history_state import HistoryState
from apps.fraud.state.layout import LabelFacts

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
TEXT_KEYS: Final = ("payment_id", "customer", "device", "card", "ip")
# Rows turned into columns at once: few enough to lie in the processor's cache.
TOGETHER: Final = 1_000


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

    def table(self, block: pl.DataFrame) -> pa.Table:
        """The block's rows of the matrix."""
        told, became = self._told(block)
        values, zone, state = list[list[Value]](), self.zone, self.state
        parts = []
        for judged, ended, (key, line, is_fraud, known_at) in zip(told, became, _truths(block), strict=True):
            if self._labels:
                self._tell_labels(judged.at)
            values.append(compute_row(judged, state.before(SPACE, ended), zone))
            state.add(SPACE, ended, key)
            if is_fraud and known_at is not None:
                self._remember(judged, line, known_at)
            if len(values) == TOGETHER:
                parts.append(feature_columns(values))
                values.clear()
        if values:
            parts.append(feature_columns(values))
        return matrix_table(_keys(block, told), parts, _truth_columns(block))

    def tell(self, block: pl.DataFrame) -> None:
        """The same, for a block whose rows somebody else computes."""
        _told, became = self._told(block, judged=False)
        for ended, (key, line, is_fraud, known_at) in zip(became, _truths(block), strict=True):
            if self._labels:
                self._tell_labels(ended.at)
            self.state.add(SPACE, ended, key)
            if is_fraud and known_at is not None:
                self._remember(ended, line, known_at)

    def _told(self, block: pl.DataFrame, *, judged: bool = True) -> tuple[list[Facts], list[Facts]]:
        """Each payment as it was judged, and with what became of it."""
        became = self._facts(block, with_result=True)
        if self.judged_with_result or not judged or not {"status", "failure_code"} & set(block.columns):
            return became, became
        return self._facts(block, with_result=False), became

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


def _truths(block: pl.DataFrame) -> Iterator[tuple[bytes, int, bool | None, int | None]]:
    packed = block["key"].to_numpy().astype(">u8").tobytes()
    keys = [packed[at : at + 8] for at in range(0, len(packed), 8)]
    return zip(keys, *(block[name].to_list() for name in ("line", "is_fraud", "known_at")), strict=True)


def _keys(block: pl.DataFrame, told: Sequence[Facts]) -> list[pa.Array]:
    size = len(block)
    texts = {name: block[name].cast(pl.String).to_arrow() for name in TEXT_KEYS if name in block.columns}
    payment, customer, device, card, ip = (
        texts[name].cast(pa.string()) if name in texts else pa.array([getattr(told[0], name)] * size, pa.string())
        for name in TEXT_KEYS
    )
    return [payment, block["line"].to_arrow(), customer, device, card, ip, _moments(block["at"])]


def _truth_columns(block: pl.DataFrame) -> list[pa.Array]:
    return [block["is_fraud"].to_arrow(), _moments(block["known_at"])]


def _moments(column: pl.Series) -> pa.Array:
    return column.to_arrow().cast(pa.int64()).cast(MOMENT)
