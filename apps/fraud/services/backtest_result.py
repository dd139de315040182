"""What a backtest tells. Apart from the code that computes it, which needs Polars: the web process shows these."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Overlap(Struct, frozen=True, kw_only=True):
    """The tried rule beside one live rule. Shares are of distinct payments."""

    code: str
    hits: int
    common: int
    share_of_hits: float | None
    """Of what the tried rule hits, how much this one hits too."""
    share_of_rule: float | None
    """Of what this one hits, how much the tried rule hits too."""


class Beyond(Struct, frozen=True, kw_only=True):
    """What the tried rule adds to the live ones."""

    hits: int
    frauds: int
    good: int
    fraud_eur: float
    good_eur: float


class BacktestResult(Struct, frozen=True, kw_only=True):
    """Counts are of distinct payments; one without a label counts as good."""

    expression: str
    first_at: datetime | None
    last_at: datetime | None
    payments: int
    hits: int
    customers_hit: int
    frauds: int
    frauds_hit: int
    frauds_missed: int
    good: int
    good_hit: int
    good_customers: int
    """Customers without a fraud in the period."""
    good_customers_hit: int
    precision: float | None
    """None when nothing was hit."""
    recall: float | None
    """None when there was no fraud."""
    good_share_hit: float | None
    money_stopped_eur: float
    """Frauds hit, in euros."""
    money_missed_eur: float
    money_annoyed_eur: float
    """Good payments hit, in euros."""
    ruleset: str
    """The active rule set compared with; empty when there is none."""
    overlap: tuple[Overlap, ...]
    not_compared: tuple[str, ...]
    """Live rules that read features this matrix does not have."""
    beyond: Beyond
    """Hit by it, and by no live rule at all."""
    let_through: Beyond
    """Hit by it, and neither challenged nor denied by the live rules together."""
    seconds: float
    exported: bool
    """Whether the feature matrix had to be made first; that is part of `seconds`."""


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
