"""The engine as one tenant has set it up now: thresholds, rules, lists, and the scorers in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from zoneinfo import ZoneInfo

from django.db import InterfaceError, OperationalError
from msgspec.structs import replace

from apps.fraud.engine.decide import Inputs, Judgement, ListHit, Policy, RuleHit, ScorerState, decide
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
from apps.fraud.state.scorer_guard import scorer_guard
from apps.fraud.state.scorer_memory import NONE, InForce, scorer_memory

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
    scorer: str = ""
    """Version of the scorer that spoke."""
    shadows: tuple[tuple[int, float], ...] = ()
    """What scorers on trial said, by their id."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The scorer in force did not answer, or answered too late: somebody must be told."""

    kind: str
    scorer_id: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class _Scored:
    """One batch, as the scorers in force saw it."""

    policy: Policy
    state: ScorerState
    version: str = ""
    probabilities: Sequence[float] | None = None
    shadows: Sequence[tuple[int, Sequence[float]]] = ()

    def of(self, n: int) -> float | None:
        return None if self.probabilities is None else self.probabilities[n]

    def on_trial(self, n: int) -> tuple[tuple[int, float], ...]:
        return tuple([(scorer_id, scores[n]) for scorer_id, scores in self.shadows])


@dataclass(frozen=True, slots=True)
class Engine:
    policy: Policy
    zone: ZoneInfo
    lists: ListIndex
    rules: CompiledRuleSet | None
    """None when none is active, or when it could not be read: then `rules_up` is false."""
    rules_up: bool
    tenant_id: int = 0
    scorers: InForce = NONE
    troubles: list[Trouble] = field(default_factory=list)
    """Filled while judging: whoever stores the decisions tells of them after the commit."""

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
        scored = self._score(rows)
        degraded += ("scorer",) if scored.state == "down" else ()
        clock.add("scorer", began)
        began = perf_counter_ns()
        judged = [
            self._judge(n, row, one, subject, scored, degraded)
            for n, (row, one, subject) in enumerate(zip(rows, facts, subjects, strict=True))
        ]
        clock.add("rules", began)
        return judged

    def _score(self, rows: Sequence[list[Value]]) -> _Scored:
        """With the champion's own thresholds while it speaks; with the tenant's, made for rules, when it does not."""
        force = self.scorers
        if not rows or (force.champion is None and not force.failure and not force.shadows):
            return _Scored(self.policy, "none")  # nearly every tenant begins so
        shadows = [
            (one.id, answer.probabilities)
            for one in force.shadows
            if (answer := scorer_guard.ask(self.tenant_id, one, rows)).probabilities is not None
        ]
        if force.champion is None:
            if force.failure:
                self.troubles.append(Trouble("scorer_failed", force.failed_id, force.failure))
            return _Scored(self.policy, "down" if force.failure else "none", shadows=shadows)
        answer = scorer_guard.ask(self.tenant_id, force.champion, rows)
        if answer.trouble:
            self.troubles.append(Trouble(answer.trouble, force.champion.id, answer.detail))
        if answer.probabilities is None:
            return _Scored(self.policy, "down", shadows=shadows)
        return _Scored(self._operating(), "ok", force.champion.version, answer.probabilities, shadows)

    def _operating(self) -> Policy:
        chosen = self.scorers.operating
        if chosen is None:
            return self.policy
        return replace(
            self.policy,
            challenge=chosen.challenge,
            deny=chosen.deny,
            scorer_weight=chosen.weight,
            scorer_alone_deny=chosen.alone_deny,
        )

    def _judge(
        self, n: int, row: list[Value], facts: Facts, subject: Subject, scored: _Scored, degraded: tuple[str, ...]
    ) -> Judged:
        met = self.lists.hits(subject, facts.at)
        members = Members(self.lists, facts.at)
        hits: tuple[RuleHit, ...] = ()
        shadow: tuple[RuleHit, ...] = ()
        if self.rules is not None:
            lists = ListHits(frozenset([one.code for one in met]), members)
            hits = self.rules.evaluate(row, lists, facts.at)
            shadow = self.rules.shadow(row, lists, facts.at)
        inputs = Inputs(
            policy=scored.policy,
            at=facts.at,
            rules=hits,
            shadow=tuple([hit.code for hit in shadow]),
            lists=tuple([_list_hit(one) for one in met]),
            members=members.found(),
            rules_up=self.rules_up,
            scorer=scored.state,
            scorer_score=scored.of(n),
            degraded=degraded,
        )
        return Judged(row, inputs, decide(inputs), scored.version, scored.on_trial(n))


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
    scorers = scorer_memory.current(tenant_id)
    return Engine(settings.policy, settings.zone, lists, rules, rules_up, tenant_id, scorers)
