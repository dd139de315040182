"""The same payment at another amount: everything in its row that the amount goes into, computed again.

An amount is a whole number of the currency's smallest unit, so a threshold found is exact: one unit further, and the
outcome is another. Amounts to look at come from three places: where a comparison of a rule turns (its two sides are
nearly always straight lines of the amount), a grid, and both ends; between two neighbours with different outcomes it
is bisected. A rule that turns twice between two neighbours of the grid, by a function that is no straight line, may
hide an amount still nearer.

A scorer is no straight line: between two amounts that were looked at it may turn unseen. Where it had its part, an
amount is named that was itself decided anew, and nothing is said of the amounts beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from math import ceil, floor, isfinite
from typing import Final

from msgspec import Struct

from apps.fraud.engine.features.catalogue import FEATURES
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.features.velocity import OWNERS
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.rates import euro_cents
from apps.fraud.engine.rules import nodes as n
from apps.fraud.engine.rules.python_compile import compile_value
from apps.fraud.engine.rules.walk import feature_names, walk
from apps.fraud.engine.what_if import WhatIf

# Those of customers, devices, cards and addresses hold the payment itself; a merchant's do not.
SUMS: Final = tuple(one.name for one in FEATURES if one.name in {f"{owner}_amount_{one.window}" for owner in OWNERS})
DERIVED: Final = frozenset({"amount", "amount_eur", "amount_ratio", "amount_deviation", "merchant_amount_ratio", *SUMS})
# Upwards nobody looks further than this many times the amount: a dearer payment is seldom the milder one.
UPWARDS: Final = 10
GRID: Final = 64


class Threshold(Struct, frozen=True):
    """`units` is the amount nearest to the payment's own with this outcome; `throughout`: no amount beyond it
    fares worse."""

    units: int
    outcome: Outcome
    below: bool
    throughout: bool


class Amounts:
    def __init__(self, asked: WhatIf, minor_units: int) -> None:
        self.asked = asked
        self.unit = Decimal(1).scaleb(-minor_units)
        self.currency = str(asked.get("currency"))
        amount, euros = asked.get("amount"), asked.get("amount_eur")
        self.known = isinstance(amount, int | float) and "amount" in asked.index
        self.exact = Decimal(repr(amount)) / self.unit if self.known else Decimal(0)
        self.cents = round(float(euros) * 100) if isinstance(euros, int | float) else None

    def amount(self, units: int) -> Decimal:
        return units * self.unit

    def values(self, amount: Decimal) -> dict[str, Value]:
        """As `compute_row` would have it: the same divisions in the same order."""
        out: dict[str, Value] = {"amount": float(amount)}
        cents = euro_cents(amount, self.currency)
        if cents is None or self.cents is None:
            return out
        own, get = cents / 100, self.asked.get
        mean, spread, usual = get("customer_amount_mean"), get("customer_amount_std"), get("merchant_amount_mean")
        out["amount_eur"] = own
        out["amount_ratio"] = own / mean if mean else None  # type: ignore[operator]  # averages are numbers
        out["amount_deviation"] = (own - mean) / spread if spread else None  # type: ignore[operator]  # as above
        out["merchant_amount_ratio"] = own / usual if usual else None  # type: ignore[operator]  # as above
        for name in SUMS:
            if (told := get(name)) is not None:
                out[name] = (round(float(told) * 100) - self.cents + cents) / 100
        return out

    def outcome(self, units: int) -> Outcome:
        return self.asked.outcome(self.values(self.amount(units)))


def amount_thresholds(amounts: Amounts) -> Iterator[Threshold]:
    """For each milder outcome the nearest smaller amount that has it, and the nearest larger one."""
    if not amounts.known:
        return
    lower, upper = floor(amounts.exact), ceil(amounts.exact)
    candidates = _candidates(amounts)
    below = sorted({units for units in candidates if 1 <= units <= lower}, reverse=True)
    above = sorted({units for units in candidates if upper <= units <= UPWARDS * upper})
    for path, is_below in ((below, True), (above, False)):
        found = [(units, amounts.outcome(units)) for units in path]
        seen: set[int] = set()
        for wanted in range(amounts.asked.now - 1, -1, -1):
            threshold = _nearest(amounts, found, Outcome(wanted), is_below)
            if threshold is not None and threshold.units not in seen:
                seen.add(threshold.units)
                yield threshold


def _nearest(amounts: Amounts, found: list[tuple[int, Outcome]], wanted: Outcome, is_below: bool) -> Threshold | None:
    for place, (units, outcome) in enumerate(found):
        if outcome > wanted:
            continue
        nearest = _bisect(amounts, units, found[place - 1][0], wanted) if place else units
        beyond = [one for other, one in found if (other <= nearest if is_below else other >= nearest)]
        outcome = amounts.outcome(nearest)
        throughout = not amounts.asked.scored and all(one <= outcome for one in beyond)
        return Threshold(nearest, outcome, is_below, throughout)
    return None


def _bisect(amounts: Amounts, milder: int, harder: int, wanted: Outcome) -> int:
    while abs(milder - harder) > 1:
        middle = (milder + harder) // 2
        if amounts.outcome(middle) <= wanted:
            milder = middle
        else:
            harder = middle
    return milder


def _candidates(amounts: Amounts) -> set[int]:
    own = amounts.exact
    grid = {own * step / GRID for step in range(GRID + 1)}
    grid |= {own + own * (UPWARDS - 1) * step / GRID for step in range(GRID)}
    spread = {own * Decimal(2) ** -power for power in range(24)}  # fine where the amounts are small
    near = {units + more for units in _turns(amounts) for more in (-2, -1, 0, 1, 2)}
    ends = {1, floor(own), ceil(own), UPWARDS * ceil(own)}
    return {round(units) for units in grid | spread} | near | ends


def _turns(amounts: Amounts) -> Iterator[int]:
    """Where the two sides of a comparison meet, taken as straight lines of the amount."""
    asked = amounts.asked
    low, high = floor(amounts.exact / 2), ceil(amounts.exact) + 1
    rows = [asked.changed(amounts.values(amounts.amount(units))) for units in (low, high)]
    for one, other in _sides(tree.root for tree in asked.expressions.values()):
        gaps = [_gap(asked, one, other, row) for row in rows]
        if gaps[0] is None or gaps[1] is None or gaps[0] == gaps[1]:
            continue
        meeting = low - gaps[0] * (high - low) / (gaps[1] - gaps[0])
        if isfinite(meeting) and abs(meeting) < 1e15:
            yield round(meeting)


def _sides(roots: Iterable[n.Node]) -> Iterator[tuple[n.Node, n.Node]]:
    for root in roots:
        for node in walk(root):
            pairs: tuple[tuple[n.Node, n.Node], ...] = ()
            if isinstance(node, n.Compare):
                pairs = ((node.left, node.right),)
            elif isinstance(node, n.Between):
                pairs = ((node.item, node.low), (node.item, node.high))
            elif isinstance(node, n.In):
                pairs = tuple((node.item, value) for value in node.values)
            for one, other in pairs:
                if one.type == "number" and not DERIVED.isdisjoint((*feature_names(one), *feature_names(other))):
                    yield one, other


def _gap(asked: WhatIf, one: n.Node, other: n.Node, row: list[Value]) -> float | None:
    left, right = (compile_value(side, asked.index)(row, asked.lists) for side in (one, other))
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return float(left) - float(right) if numbers else None  # type: ignore[arg-type]  # checked just above
