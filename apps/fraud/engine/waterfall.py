"""How the score came about, step by step: what each reason put into it. The steps add up to the score."""

from __future__ import annotations

from msgspec import Struct

from apps.fraud.engine.decide import MOST_POINTS, SCORE_DIGITS, Inputs, Judgement


class Step(Struct, frozen=True, kw_only=True):
    """`share` is what this reason added; the bar stands between `start` and `end`."""

    kind: str
    code: str
    fr: str
    en: str
    points: int
    share: float
    start: float
    end: float


class Waterfall(Struct, frozen=True, kw_only=True):
    steps: tuple[Step, ...]
    score: float
    challenge: float
    deny: float
    capped: bool
    """The rules had more points than count: each of them stands for a little less than its points say."""


SCORER_FR = "Le modèle appris"
SCORER_EN = "The learned scorer"


def waterfall(inputs: Inputs, judgement: Judgement) -> Waterfall:
    rules = [reason for reason in judgement.reasons if reason.kind == "rule" and reason.points]
    total = max(MOST_POINTS, judgement.points)
    weight = _rules_weight(inputs)
    parts = [(one.kind, one.code, one.fr, one.en, one.points, weight * one.points / total) for one in rules if weight]
    if inputs.scorer == "ok" and inputs.scorer_score is not None:
        parts.append(("scorer", "SCORER", SCORER_FR, SCORER_EN, 0, (1 - weight) * inputs.scorer_score))
    elif not inputs.rules_up:  # nobody answered
        parts += [(one.kind, one.code, one.fr, one.en, 0, judgement.score) for one in judgement.reasons[:1]]
    steps, upto = [], 0.0
    for kind, code, fr, en, points, share in sorted(parts, key=lambda part: -part[5]):
        start, upto = upto, upto + share
        steps.append(
            Step(kind=kind, code=code, fr=fr, en=en, points=points, share=round(share, SCORE_DIGITS),
                 start=round(start, SCORE_DIGITS), end=round(upto, SCORE_DIGITS))
        )  # fmt: skip
    challenge, deny = _thresholds(inputs)
    return Waterfall(
        steps=tuple(steps), score=judgement.score, challenge=min(challenge, deny), deny=deny,
        capped=judgement.points > MOST_POINTS,
    )  # fmt: skip


def _rules_weight(inputs: Inputs) -> float:
    if not inputs.rules_up:
        return 0.0
    has_scorer = inputs.scorer == "ok" and inputs.scorer_score is not None
    return 1 - inputs.policy.scorer_weight if has_scorer else 1.0


def _thresholds(inputs: Inputs) -> tuple[float, float]:
    policy = inputs.policy
    if inputs.scorer == "ok" and not inputs.rules_up:
        return policy.challenge, policy.scorer_alone_deny
    if inputs.scorer == "down" and inputs.rules_up:
        return policy.challenge, policy.rules_alone_deny
    return policy.challenge, policy.deny
