"""A stored decision put together for whoever asks why: waterfall, reasons in words, what the customer may be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from apps.fraud.engine.decide import Reason
from apps.fraud.engine.features.feature import Feature
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.rules.parse import parse
from apps.fraud.engine.rules.walk import names
from apps.fraud.engine.ruleset import CompiledRuleSet
from apps.fraud.engine.waterfall import ScorerPart, Signal, Step, Waterfall, waterfall
from apps.fraud.scorers.customer_text import (
    SECURITY,
    UNAVAILABLE,
    CustomerLetter,
    categories_of_features,
    category_of_family,
    letter,
)
from apps.fraud.scorers.explain import Said, Walk, said
from apps.fraud.services.replay import Stored

# As many as somebody reads before looking at the waterfall.
MOST_RAISED: Final = 5
MOST_LOWERED: Final = 3
# Less of the score than this moved nothing that anybody would see: 0.001.
LEAST_SHARE: Final = 0.0005
NEVER_STATED: Final = frozenset({"start", "others"})


class Told(Struct, frozen=True, kw_only=True):
    """One reason. `share` is what it put into the score; lists and hard actions put nothing in: they have `action`."""

    kind: str
    code: str
    fr: str
    en: str
    share: float = 0.0
    start: float = 0.0
    end: float = 0.0
    """Where it stands in the waterfall."""
    action: str = ""

    @property
    def settles(self) -> bool:
        return self.action in ("allow", "challenge", "deny") or self.kind == "degraded"

    @property
    def raises(self) -> bool:
        return self.action != "allow" if self.settles or self.kind == "list" else self.share > 0


@dataclass(frozen=True, slots=True)
class Explained:
    stored: Stored
    waterfall: Waterfall
    reasons: tuple[Told, ...]
    """What weighed most first."""
    letter: CustomerLetter
    readable: bool = True
    """False: a scorer had its part, and cannot be asked about it any more."""
    columns: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    """Behind each fact of the scorer's, by its code: features and their log-odds."""
    minor_units: int = 2
    """Digits of the payment's currency."""

    @property
    def leaning(self) -> frozenset[str]:
        """Features that the scorer leaned on most."""
        return frozenset(name for columns in self.columns.values() for name, _weight in columns[:1])

    @property
    def raised(self) -> tuple[Told, ...]:
        return _each_once(one for one in self.reasons if one.raises)[:MOST_RAISED]

    @property
    def lowered(self) -> tuple[Told, ...]:
        return _each_once(one for one in self.reasons if not one.raises)[:MOST_LOWERED]


def _each_once(reasons: Iterable[Told]) -> tuple[Told, ...]:
    """Two facts may have the same words, as when no merchant is named; the waterfall has both."""
    kept: dict[str, Told] = {}
    for one in reasons:
        kept.setdefault(one.fr, one)
    return tuple(kept.values())


def explained(
    stored: Stored, walk: Walk | None, baseline: Mapping[str, Any] | None, *, minor_units: int, readable: bool
) -> Explained:
    facts = () if walk is None else said(walk, stored.row, stored.index, baseline, minor_units)
    told = waterfall(stored.inputs, stored.judgement, None if walk is None else _part(walk, facts))
    reasons = _reasons(stored, told)
    columns = {} if walk is None else {fact.family: fact.columns for fact in walk.facts}
    return Explained(stored, told, reasons, _letter(stored, reasons), readable, columns, minor_units)


def _part(walk: Walk, facts: tuple[Said, ...]) -> ScorerPart:
    signals = (Signal(one.code, one.fr, one.en, fact.probability) for one, fact in zip(facts, walk.facts, strict=True))
    return ScorerPart(walk.start, tuple(signals))


def _reasons(stored: Stored, told: Waterfall) -> tuple[Told, ...]:
    steps = {(step.kind, step.code): step for step in told.steps if step.kind not in NEVER_STATED}
    reasons = []
    for one in reasons_shown(stored, told):
        step = steps.pop((one.kind, one.code), None)
        reasons.append(_told(one, step, one.action))
    reasons += [_told(one, one) for one in steps.values()]
    known = [one for one in reasons if one.settles or one.kind == "list" or abs(one.share) >= LEAST_SHARE]
    return tuple(sorted(known, key=lambda one: (not one.settles, one.kind != "list", -abs(one.share), one.code)))


def reasons_shown(stored: Stored, told: Waterfall) -> tuple[Reason, ...]:
    """The judgement's, where the scorer is one; its facts stand in for it when they are told one by one."""
    one_by_one = any(step.kind == "start" for step in told.steps)
    return tuple(one for one in stored.judgement.reasons if not (one_by_one and one.kind == "scorer"))


def _told(one: Reason | Step, step: Step | None, action: str = "") -> Told:
    share, start, end = (step.share, step.start, step.end) if step is not None else (0.0, 0.0, 0.0)
    return Told(
        kind=one.kind, code=one.code, fr=one.fr, en=one.en, share=share, start=start, end=end, action=action
    )  # fmt: skip


@lru_cache(maxsize=16)  # parsing sixteen rules takes longer than all the rest
def features_read(rules: CompiledRuleSet) -> Mapping[str, tuple[str, ...]]:
    """What each live rule looks at, by its code."""
    kinds = rules.snapshot.features
    catalogue = {name: Feature(name, kind, "", "", "", "") for name, kind in kinds.items()}
    return {
        rule.code: names(parse(rule.expression, catalogue, rule.parameters)) for rule in rules.rules if not rule.shadow
    }


def _letter(stored: Stored, reasons: tuple[Told, ...]) -> CustomerLetter:
    """By kinds of facts only: which features a rule reads says what it is about, and not from where on."""
    outcome, decided_by = stored.judgement.result, stored.judgement.decided_by
    if outcome is Outcome.ALLOW:
        return CustomerLetter()
    if decided_by == "nobody":
        return letter(outcome, {UNAVAILABLE: 1.0})
    if decided_by.startswith("list:"):  # whatever else was noticed did not decide
        return letter(outcome, {SECURITY: 1.0})
    read = features_read(stored.rules)
    weights: dict[str, float] = {}
    for one in reasons:
        if one.kind == "rule":
            parts = categories_of_features(
                read.get(one.code, ()), 1.0 if decided_by == f"rule:{one.code}" else one.share
            )
        else:
            parts = {SECURITY if one.kind == "list" else category_of_family(one.code): one.share}
        for code, weight in parts.items():
            weights[code] = weights.get(code, 0.0) + weight
    return letter(outcome, weights)
