"""The engine as one tenant has set it up now: thresholds, rules, lists, and a scorer once one is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from zoneinfo import ZoneInfo

from django.db import InterfaceError, OperationalError

from apps.fraud.engine.decide import Inputs, Judgement, ListHit, Policy, RuleHit, decide
from apps.fraud.engine.event import Facts
from apps.fraud.engine.features.catalogue import compute_row
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.history import History
from apps.fraud.engine.lists import ListHit as Met
from apps.fraud.engine.lists import ListIndex, Subject
from apps.fraud.engine.members import Members
from apps.fraud.engine.rules.python_compile import ListHits
from apps.fraud.engine.ruleset import CompiledRuleSet
from apps.fraud.state.list_memory import ListMemory
from apps.fraud.state.policy_memory import policy_memory
from apps.fraud.state.ruleset_memory import RuleSetMemory, RuleSetNotLoaded

list_memory = ListMemory()
ruleset_memory = RuleSetMemory()


@dataclass(slots=True)
class Clock:
    """Microseconds spent in each step, summed over a batch."""

    spent: dict[str, int] = field(default_factory=dict)

    def add(self, step: str, began_ns: int) -> None:
        self.spent[step] = self.spent.get(step, 0) + (perf_counter_ns() - began_ns) // 1000


@dataclass(frozen=True, slots=True)
class Judged:
    row: list[Value]
    inputs: Inputs
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Engine:
    policy: Policy
    zone: ZoneInfo
    lists: ListIndex
    rules: CompiledRuleSet | None
    """None when none is active, or when it could not be read: then `rules_up` is false."""
    rules_up: bool

    @property
    def ruleset_number(self) -> int | None:
        return self.rules.number if self.rules else None

    def judge(
        self, facts: Sequence[Facts], subjects: Sequence[Subject], histories: Sequence[History] | None, clock: Clock
    ) -> list[Judged]:
        """Without histories everything that looks back is missing, and the decisions say so."""
        degraded: tuple[str, ...] = () if histories is not None else ("state",)
        degraded += () if self.rules_up else ("rules",)
        began = perf_counter_ns()
        known: Sequence[History | None] = histories if histories is not None else [None] * len(facts)
        rows = [compute_row(one, history, self.zone) for one, history in zip(facts, known, strict=True)]
        clock.add("features", began)
        began = perf_counter_ns()
        judged = [
            self._judge(row, one, subject, degraded) for row, one, subject in zip(rows, facts, subjects, strict=True)
        ]
        clock.add("rules", began)
        return judged

    def _judge(self, row: list[Value], facts: Facts, subject: Subject, degraded: tuple[str, ...]) -> Judged:
        met = self.lists.hits(subject, facts.at)
        members = Members(self.lists, facts.at)
        hits: tuple[RuleHit, ...] = ()
        shadow: tuple[RuleHit, ...] = ()
        if self.rules is not None:
            lists = ListHits(frozenset([one.code for one in met]), members)
            hits = self.rules.evaluate(row, lists, facts.at)
            shadow = self.rules.shadow(row, lists, facts.at)
        inputs = Inputs(
            policy=self.policy,
            at=facts.at,
            rules=hits,
            shadow=tuple([hit.code for hit in shadow]),
            lists=tuple([_list_hit(one) for one in met]),
            members=members.found(),
            rules_up=self.rules_up,
            degraded=degraded,
        )
        return Judged(row, inputs, decide(inputs))


def _list_hit(met: Met) -> ListHit:
    """Without the entry's own reason, which a colleague wrote for colleagues: reasons travel to partners and topics."""
    return ListHit(
        code=met.code,
        effect=met.effect,
        overrides_deny=met.overrides_deny,
        entry=met.entry_id,
        fr=f"Figure dans la liste « {met.code} ».",
        en=f"Stands on the list '{met.code}'.",
    )


def engine_current(tenant_id: int) -> Engine:
    """Call it outside the transaction that records: what it reads is kept beyond that transaction."""
    settings = policy_memory.current(tenant_id)
    lists = list_memory.current(tenant_id)
    rules, rules_up = None, True
    try:
        rules = ruleset_memory.current(tenant_id)
    except RuleSetNotLoaded as error:
        # Without its database a payment cannot be recorded either: "try again" is right, a denial would not be.
        if isinstance(error.__cause__, (OperationalError, InterfaceError)):
            raise
        # Whatever else is wrong, payments are decided; the decision says that the rules did not speak.
        rules_up = False
    return Engine(settings.policy, settings.zone, lists, rules, rules_up)
