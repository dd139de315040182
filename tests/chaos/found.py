"""What a run found, as plain values: what was sent, and what the stores hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.chaos.sender import Ledger


@dataclass(frozen=True, slots=True)
class Dead:
    topic: str
    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Decided:
    number: int
    payment: str
    points: int
    at: float
    degraded: bool = False


@dataclass
class Evidence:
    """What the stores hold. Lists, not sets, where the same thing may stand twice."""

    ledger: Ledger
    references: list[str] = field(default_factory=list)
    payments: list[tuple[str, str]] = field(default_factory=list)
    decisions: list[Decided] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    changes: list[tuple[str, int | None]] = field(default_factory=list)
    """What open pages are told: alerts that were raised, with the numbers of that."""
    orders: list[tuple[str, str | None]] = field(default_factory=list)
    labels: list[tuple[str, str]] = field(default_factory=list)
    """By payment, fraud or genuine."""
    events: list[str] = field(default_factory=list)
    published: list[tuple[str, str]] = field(default_factory=list)
    """Decisions by (customer, id), in the order of their partitions."""
    published_alerts: list[str] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    state_compared: int = 0
    state_differences: list[str] = field(default_factory=list)
    unfinished: dict[str, int] = field(default_factory=dict)
    """Lag, outbox, debts: what was still to be done when patience ended."""
    calm: list[tuple[float, float]] = field(default_factory=list)
    """Times at which nothing was away, and nothing had been a moment before."""
    processes: list[str] = field(default_factory=list)
    """What ended without being killed, and what did not come back."""
