"""One payment with what is known before it: what every feature is computed from, prepared once."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from apps.fraud.engine.event import Facts, short_key
from apps.fraud.engine.history import History, Log

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Case:
    """`history` is None when feature state did not answer: then everything that looks back is missing."""

    __slots__ = ("at", "cents", "customer", "facts", "folded", "history", "local", "order")

    def __init__(self, facts: Facts, history: History | None, zone: ZoneInfo) -> None:
        self.facts = facts
        self.history = history
        self.at = facts.at
        self.order = (facts.at, short_key(facts.payment_id))
        self.cents = facts.euro_cents
        self.local = datetime.fromtimestamp(facts.at // SECOND, zone)
        self.customer: list[Any] = []
        if history is not None:
            self.customer = self.earlier(history.customer)
            self.folded = history.customer.folded

    def earlier(self, log: Log) -> list[Any]:
        """The log's rows before this payment: not itself, and not what happened later but was told already."""
        rows = log.rows
        # Nearly always nothing is later, and the payment's own row is the last one.
        if not rows or rows[-1][:2] < self.order:
            return rows
        return rows[: bisect_left(rows, self.order)]
