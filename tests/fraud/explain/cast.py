"""Payments with a past, and rule sets to judge them by: no database."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from apps.fraud.engine.counterfactual import Change, smallest_changes
from apps.fraud.engine.decide import Inputs, Policy, decide
from apps.fraud.engine.event import Facts
from apps.fraud.engine.features.catalogue import CATALOGUE, INDEX, VERSION, compute_row
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.history import History
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.rates import euro_cents
from apps.fraud.engine.rules.python_compile import ListHits
from apps.fraud.engine.ruleset import CompiledRuleSet, Snapshot, SnapshotRule, snapshot_text
from apps.fraud.state.memory_state import MemoryState

PARIS = ZoneInfo("Europe/Paris")
SECOND = 1_000_000
MINUTE = 60 * SECOND
# A Tuesday, 13:00 in Paris.
AT = 1_764_676_800 * SECOND


def facts(number: int = 0, *, amount: str = "500.00", currency: str = "EUR", **fields: Any) -> Facts:
    values: dict[str, Any] = {
        "payment_id": f"P{number}", "customer": "C", "at": AT, "method": "card", "device": "D", "card": "K", "ip": "I",
        "merchant": "M", "payment_country": "FR", "profile_country": "FR", **fields,
    }  # fmt: skip
    cents = euro_cents(Decimal(amount), currency)
    return Facts(amount=float(amount), currency=currency, euro_cents=cents, **values)


def rules(*written: tuple[str, int | str]) -> CompiledRuleSet:
    """Expression, and its points or its hard action."""
    made = tuple(
        SnapshotRule(
            code=f"R{n}", version=1, expression=expression, fr=f"Règle {n}.", en=f"Rule {n}.",
            points=worth if isinstance(worth, int) else None, action=worth if isinstance(worth, str) else "",
        )
        for n, (expression, worth) in enumerate(written)
    )  # fmt: skip
    kinds = {feature.name: feature.kind for feature in CATALOGUE.values()}
    content = snapshot_text(Snapshot(catalogue_version=VERSION, features=kinds, rules=made))
    return CompiledRuleSet(content, INDEX, number=1, name="tests")


@dataclass
class Story:
    """A payment, what came before it, and what it is judged by."""

    payment: Facts
    history: History
    ruleset: CompiledRuleSet
    members: dict[str, tuple[str, ...]]
    policy: Policy

    def row(self, payment: Facts | None = None) -> list[Value]:
        return compute_row(payment or self.payment, self.history, PARIS)

    def inputs(self, row: list[Value]) -> Inputs:
        found = ListHits(members={code: frozenset(values) for code, values in self.members.items()})
        hits = self.ruleset.evaluate(row, found, self.payment.at)
        return Inputs(policy=self.policy, at=self.payment.at, rules=hits, members=self.members)

    def outcome(self, row: list[Value]) -> Outcome:
        return decide(self.inputs(row)).result

    def outcome_at(self, amount: Decimal) -> Outcome:
        """By the road that real payments take: computed from the payment and its past, not from the stored row."""
        currency = self.payment.currency
        told = {name: getattr(self.payment, name) for name in self.payment.__struct_fields__}
        told |= {"amount": float(amount), "euro_cents": euro_cents(amount, currency)}
        return self.outcome(self.row(Facts(**told)))

    def changes(self, minor_units: int = 2) -> tuple[Change, ...]:
        row = self.row()
        return smallest_changes(
            row=row, index=INDEX, rules=self.ruleset, inputs=self.inputs(row), minor_units=minor_units
        )


def story(
    payment: Facts, ruleset: CompiledRuleSet, *, earlier: tuple[Facts, ...] = (),
    members: dict[str, tuple[str, ...]] | None = None, policy: Policy | None = None,
) -> Story:  # fmt: skip
    state = MemoryState()
    state.observe(1, [*earlier, payment], now=payment.at)
    return Story(payment, state.look(1, [payment])[0], ruleset, members or {}, policy or Policy())
