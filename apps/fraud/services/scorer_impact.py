"""What would change if another scorer, or other thresholds, decided: stored decisions made again, both ways.

Each stored decision is decided twice from its own row, hits and lists: as what decides now would, and as what is
proposed would. So the difference is the proposal's alone, and not that of rules that changed meanwhile. Sums are
scaled to a day of the payments' own time: a period that was replayed in an hour counts as the period it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from apps.fraud.engine.alerting import raises_alert
from apps.fraud.engine.decide import Inputs, Judgement, Policy, decide
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.outcome import Outcome
from apps.fraud.scorers.artefact import ScorerMismatch
from apps.fraud.scorers.trained import Operating
from apps.fraud.selectors.catalogues import CatalogueUnknown, catalogue_index
from apps.fraud.selectors.decision_sample import StoredDecision, decision_sample, sampled
from apps.fraud.selectors.scorers import scorer_numbered
from apps.fraud.state.policy_memory import policy_memory
from apps.fraud.state.scorer_memory import Loaded, scorer_memory
from kivendtout.lib.clock import moment_of
from kivendtout.lib.tenancy import tenant_scope

# Two weeks hold each weekday twice, and are recent.
DAYS: Final = 14
# Some ten seconds of one core; of an alert rate of 1 % it tells ±7 %. A page asks for fewer.
MOST: Final = 50_000
DAY: Final = 86_400_000_000
_inputs: Final = msgspec.json.Decoder(Inputs).decode
_row: Final = msgspec.msgpack.Decoder(list[Value]).decode


@dataclass(frozen=True)
class Side:
    """Who decides: a scorer with its operating point, or nobody and the rules alone."""

    scorer: int | None = None
    operating: Operating | None = None


class Daily(Struct, frozen=True, kw_only=True):
    """A day. Customers are counted once a day; of a sample, this is at most so many."""

    alerts: float
    challenged: float
    declined: float
    customers_challenged: float
    customers_declined: float
    declined_eur: float
    frauds_caught: float | None = None
    """Share of labelled frauds that are challenged or declined; None without labels."""
    good_touched: float | None = None
    """Share of payments labelled genuine that are challenged or declined."""


class Impact(Struct, frozen=True, kw_only=True):
    """`source` says what it rests on: stored decisions, the test period of the scorer's report, or nothing at all."""

    source: Literal["decisions", "report", "nothing"]
    begins: datetime | None = None
    ends: datetime | None = None
    days: float = 0.0
    payments: int = 0
    """How many were decided again."""
    of: int = 0
    """Out of about so many of the period."""
    unreadable: int = 0
    """Left out: stored under a catalogue that the scorer cannot read."""
    labelled: int = 0
    frauds: int = 0
    before: Daily | None = None
    after: Daily | None = None
    moves: dict[str, float] = {}
    """Payments a day whose outcome changes: `ALLOW>DENY` and the like."""
    report: dict[str, Any] = {}


@dataclass
class _Tally:
    count: Counter[str] = field(default_factory=Counter)
    euros: float = 0.0
    customers: dict[str, set[tuple[int, int]]] = field(default_factory=lambda: {"CHALLENGE": set(), "DENY": set()})

    def add(self, one: _Case, inputs: Inputs, judgement: Judgement) -> None:
        if raises_alert(inputs, judgement, failed=one.failed):
            self.count["alerts"] += 1
        if judgement.result is Outcome.ALLOW:
            return
        self.count[judgement.outcome] += 1
        self.customers[judgement.outcome].add((one.customer, inputs.at // DAY))
        if judgement.result is Outcome.DENY:
            self.euros += one.euros
        if one.is_fraud is not None:
            self.count["caught" if one.is_fraud else "touched"] += 1


@dataclass(frozen=True, slots=True)
class _Case:
    inputs: Inputs
    row: list[Value]
    customer: int
    is_fraud: bool | None
    failed: bool
    euros: float


def scorer_impact(
    *, tenant_id: int, before: Side, after: Side, now: datetime, days: int = DAYS, limit: int = MOST
) -> Impact:
    with tenant_scope(tenant_id):
        policy = policy_memory.current(tenant_id).policy
        told = _Told(tenant_id, policy, before, after)
        sample = decision_sample(tenant_id, since=now - timedelta(days=days), until=now, limit=limit)
        for decisions in sampled(tenant_id, sample):
            told.take(decisions)
        return told.impact(sample.weight) if told.read else _from_report(after)


class _Told:
    def __init__(self, tenant_id: int, policy: Policy, before: Side, after: Side) -> None:
        self.sides = (_Deciding(tenant_id, policy, before), _Deciding(tenant_id, policy, after))
        self.tallies = (_Tally(), _Tally())
        self.count: Counter[str] = Counter()
        self.moves: Counter[str] = Counter()
        self.first, self.last = 2**62, 0

    @property
    def read(self) -> int:
        return self.count["read"]

    def take(self, decisions: Sequence[StoredDecision]) -> None:
        for version, stored in _by_catalogue(decisions):
            try:
                index = catalogue_index(version)
                cases = [_case(one, index) for one in stored]
                scores = [side.scores(cases, index) for side in self.sides]
            except (CatalogueUnknown, ScorerMismatch, KeyError, msgspec.MsgspecError):
                self.count["unreadable"] += len(stored)
                continue
            for place, one in enumerate(cases):
                self._judge(one, scores[0][place], scores[1][place])

    def _judge(self, one: _Case, *scores: float | None) -> None:
        self.count["read"] += 1
        self.first, self.last = min(self.first, one.inputs.at), max(self.last, one.inputs.at)
        if one.is_fraud is not None:
            self.count["frauds" if one.is_fraud else "good"] += 1
        outcomes = []
        for side, tally, score in zip(self.sides, self.tallies, scores, strict=True):
            inputs = side.inputs(one.inputs, score)
            judgement = decide(inputs)
            tally.add(one, inputs, judgement)
            outcomes.append(judgement.outcome)
        if outcomes[0] != outcomes[1]:
            self.moves[">".join(outcomes)] += 1

    def impact(self, weight: float) -> Impact:
        days = max((self.last - self.first) / DAY, 1.0)
        before, after = (self._daily(tally, weight / days) for tally in self.tallies)
        return Impact(
            source="decisions",
            begins=moment_of(self.first),
            ends=moment_of(self.last),
            days=round(days, 2),
            payments=self.read,
            of=round(self.read * weight),
            unreadable=round(self.count["unreadable"] * weight),
            labelled=self.count["frauds"] + self.count["good"],
            frauds=self.count["frauds"],
            before=before,
            after=after,
            moves={move: round(count * weight / days, 2) for move, count in sorted(self.moves.items())},
        )

    def _daily(self, tally: _Tally, scale: float) -> Daily:
        def daily(count: float) -> float:
            return round(count * scale, 2)

        return Daily(
            alerts=daily(tally.count["alerts"]),
            challenged=daily(tally.count["CHALLENGE"]),
            declined=daily(tally.count["DENY"]),
            customers_challenged=daily(len(tally.customers["CHALLENGE"])),
            customers_declined=daily(len(tally.customers["DENY"])),
            declined_eur=daily(tally.euros),
            frauds_caught=_share(tally.count["caught"], self.count["frauds"]),
            good_touched=_share(tally.count["touched"], self.count["good"]),
        )


class _Deciding:
    """One side: the scorer as it reads rows of each catalogue, and the policy that it decides with."""

    def __init__(self, tenant_id: int, policy: Policy, side: Side) -> None:
        self.tenant_id, self.number, self.policy = tenant_id, side.scorer, policy
        self._loaded: dict[int, Loaded] = {}
        if side.operating is not None:
            point = side.operating
            self.policy = replace(
                policy, challenge=point.challenge, deny=point.deny, scorer_weight=point.weight,
                scorer_alone_deny=point.alone_deny,
            )  # fmt: skip

    def scores(self, cases: Sequence[_Case], index: Mapping[str, int]) -> Sequence[float | None]:
        if self.number is None:
            return [None] * len(cases)
        loaded = self._loaded.get(id(index))
        if loaded is None:
            loaded = self._loaded[id(index)] = scorer_memory.numbered(self.tenant_id, self.number, index)
        return loaded.scorer.probabilities([one.row for one in cases])

    def inputs(self, stored: Inputs, score: float | None) -> Inputs:
        """The scorer is taken to answer, whatever it did that day; what else was missing then still is."""
        degraded = tuple(part for part in stored.degraded if part != "scorer")
        return replace(
            stored,
            policy=self.policy,
            scorer="none" if self.number is None else "ok",
            scorer_score=score,
            degraded=degraded,
        )


def _by_catalogue(decisions: Sequence[StoredDecision]) -> Iterator[tuple[str, list[StoredDecision]]]:
    found: dict[str, list[StoredDecision]] = {}
    for one in decisions:
        found.setdefault(one.catalogue, []).append(one)
    yield from found.items()


def _case(one: StoredDecision, index: Mapping[str, int]) -> _Case:
    row = _row(bytes(one.features))
    euros = row[index["amount_eur"]]
    return _Case(
        inputs=_inputs(one.inputs.encode()),
        row=row,
        customer=one.customer,
        is_fraud=one.is_fraud,
        failed=row[index["failed"]] is True,
        euros=float(euros) if isinstance(euros, (int, float)) else 0.0,
    )


def _from_report(after: Side) -> Impact:
    """Nothing was decided lately: all there is to say is what was measured when it was trained."""
    scorer = None if after.scorer is None else scorer_numbered(number=after.scorer)
    if scorer is None or not scorer.report:
        return Impact(source="nothing")
    told = {**(scorer.report.get("measures") or {}), **(scorer.report.get("decided") or {})}
    plain = {name: value for name, value in told.items() if isinstance(value, (int, float))}
    test = (scorer.report.get("periods") or {}).get("test") or {}
    moments = [datetime.fromisoformat(test[name]) if test.get(name) else None for name in ("from", "until")]
    return Impact(source="report", begins=moments[0], ends=moments[1], report=plain)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
