"""Rules, scorer and lists into one outcome with its reasons. Pure: the same inputs give the same bytes, always."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct

from apps.fraud.engine.outcome import Outcome

ScorerState = Literal["none", "ok", "down"]
# Enough that two scores compare as they did when the decision was made, short enough to read.
SCORE_DIGITS: Final = 6
SCORER: Final = "SCORER"
"""What alerts are filed under that no rule leads."""
MOST_POINTS: Final = 100


class Policy(Struct, frozen=True, kw_only=True):
    """The tenant's own thresholds and weights."""

    challenge: float = 0.30
    deny: float = 0.70
    scorer_weight: float = 0.70
    rules_alone_deny: float = 0.70
    """When the scorer is down."""
    scorer_alone_deny: float = 0.50
    """When the rules are down."""
    alerts: Literal["outcome", "points"] = "outcome"


class RuleHit(Struct, frozen=True):
    code: str
    version: int
    points: int
    action: str
    """A hard action: '', 'allow', 'challenge' or 'deny'."""
    severity: str
    fr: str
    en: str


class ListHit(Struct, frozen=True):
    code: str
    effect: str
    overrides_deny: bool
    entry: int
    fr: str
    en: str


class Inputs(Struct, frozen=True, kw_only=True):
    """All that the outcome depends on. Stored with the decision, so that it can be recomputed for ever."""

    policy: Policy
    at: int = 0
    """The payment's event time: rules and list entries have dates."""
    rules: tuple[RuleHit, ...] = ()
    shadow: tuple[str, ...] = ()
    """Rules on trial that hit: on record, without effect."""
    lists: tuple[ListHit, ...] = ()
    members: dict[str, tuple[str, ...]] = {}
    """What rules found on lists: `feature IN list('name')`."""
    rules_up: bool = True
    scorer: ScorerState = "none"
    scorer_score: float | None = None
    degraded: tuple[str, ...] = ()


class Reason(Struct, frozen=True, omit_defaults=True):
    kind: Literal["rule", "list", "scorer", "degraded"]
    code: str
    fr: str
    en: str
    points: int = 0
    action: str = ""


class Judgement(Struct, frozen=True, kw_only=True):
    outcome: str
    score: float
    points: int
    rules_score: float
    scorer_score: float | None
    decided_by: str
    """'rules', 'scorer', 'both', 'nobody', or the list or hard rule that settled it."""
    reasons: tuple[Reason, ...]
    degraded: tuple[str, ...]

    @property
    def result(self) -> Outcome:
        return Outcome[self.outcome]


_encode = msgspec.json.Encoder(order="deterministic").encode


def judgement_bytes(judgement: Judgement) -> bytes:
    """What is stored, and what a replay must give again to the byte."""
    return _encode(judgement)


BOTH_DOWN: Final = Reason(
    "degraded",
    "both_down",
    "Ni les règles ni le modèle n'ont répondu : le paiement est refusé par prudence.",
    "Neither the rules nor the scorer answered: the payment is denied to be safe.",
)


def decide(inputs: Inputs) -> Judgement:
    points = sum(hit.points for hit in inputs.rules)
    rules_score = min(points, MOST_POINTS) / MOST_POINTS
    score, by, deny = _score(inputs, rules_score)
    outcome = _by_score(score, inputs.policy.challenge, deny)
    reasons = _reasons(inputs)
    if outcome is not Outcome.ALLOW and by in ("scorer", "both"):
        reasons = _with_scorer(reasons, inputs, score)
    if by == "nobody":
        outcome, reasons = Outcome.DENY, [BOTH_DOWN, *reasons]
    hard, settled_by = _hard(inputs)
    if hard is not None and (hard is Outcome.ALLOW or hard >= outcome):
        outcome, by = hard, settled_by
    return Judgement(
        outcome=outcome.name,
        score=round(score, SCORE_DIGITS),
        points=points,
        rules_score=rules_score,
        scorer_score=inputs.scorer_score,
        decided_by=by,
        reasons=tuple(reasons),
        degraded=inputs.degraded,
    )


def _score(inputs: Inputs, rules_score: float) -> tuple[float, str, float]:
    """The score, whose it is, and from where it denies."""
    policy, scorer = inputs.policy, inputs.scorer_score
    has_scorer = inputs.scorer == "ok" and scorer is not None
    if has_scorer and inputs.rules_up:
        assert scorer is not None
        weight = policy.scorer_weight
        return weight * scorer + (1 - weight) * rules_score, "both", policy.deny
    if has_scorer:
        assert scorer is not None
        return scorer, "scorer", policy.scorer_alone_deny
    if inputs.rules_up:
        return rules_score, "rules", policy.deny if inputs.scorer == "none" else policy.rules_alone_deny
    return 1.0, "nobody", policy.deny


def _by_score(score: float, challenge: float, deny: float) -> Outcome:
    if score >= deny:
        return Outcome.DENY
    return Outcome.CHALLENGE if score >= min(challenge, deny) else Outcome.ALLOW


def _hard(inputs: Inputs) -> tuple[Outcome | None, str]:
    """What rules with a hard action and lists demand. A deny stands above an allow that was not told to silence it."""
    if not inputs.lists and not any(hit.action for hit in inputs.rules):
        return None, ""  # nearly always
    demands = [(Outcome[hit.action.upper()], f"rule:{hit.code}") for hit in inputs.rules if hit.action]
    demands += [(Outcome.DENY, f"list:{hit.code}") for hit in inputs.lists if hit.effect == "deny"]
    allows = [hit for hit in inputs.lists if hit.effect == "allow"]
    for hit in allows:
        if hit.overrides_deny:
            return Outcome.ALLOW, f"list:{hit.code}"
    worst = max((demand for demand in demands if demand[0] is not Outcome.ALLOW), default=None, key=_severity)
    if worst is not None and worst[0] is Outcome.DENY:
        return worst
    allowed = [f"list:{hit.code}" for hit in allows] + [by for outcome, by in demands if outcome is Outcome.ALLOW]
    if allowed:
        return Outcome.ALLOW, allowed[0]
    return worst if worst is not None else (None, "")


def _severity(demand: tuple[Outcome, str]) -> Outcome:
    return demand[0]


def _with_scorer(reasons: list[Reason], inputs: Inputs, score: float) -> list[Reason]:
    """The scorer is a reason like the others, and stands first among points when most of the score is its own."""
    assert inputs.scorer_score is not None
    share = inputs.scorer_score * (inputs.policy.scorer_weight if inputs.rules_up else 1.0)
    hard = [one for one in reasons if one.kind == "list" or one.action]
    soft = reasons[len(hard) :]
    own = [_scorer_reason(inputs.scorer_score)]
    return hard + (own + soft if 2 * share >= score else soft + own)


def _scorer_reason(probability: float) -> Reason:
    percent = round(probability * 100)
    fr, en = (f"{percent}\u00a0%", f"{percent}%") if percent else ("moins de 1\u00a0%", "less than 1%")
    return Reason(
        "scorer",
        SCORER,
        f"Probabilité de fraude selon le modèle appris\u00a0: {fr}.",
        f"Probability of fraud by the learned scorer: {en}.",
    )


def _reasons(inputs: Inputs) -> list[Reason]:
    """What weighed most first: hard actions and lists, then points."""
    reasons = [Reason("list", hit.code, hit.fr, hit.en, 0, hit.effect) for hit in inputs.lists]
    rules: Sequence[RuleHit] = sorted(inputs.rules, key=lambda hit: (not hit.action, -hit.points, hit.code))
    return reasons + [Reason("rule", hit.code, hit.fr, hit.en, hit.points, hit.action) for hit in rules]
