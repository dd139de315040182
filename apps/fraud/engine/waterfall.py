"""How the score came about, step by step: what each reason put into it. The steps add up to the score, exactly.

The scorer's part of the score is its weight times its probability. What single facts put into that probability depends
on the order in which they are added, since a probability is a curve of what is added up: the caller walks it and says
where the walk stands after each fact (`scorers/explain.py`). Other orders would give other steps and the same score.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import Struct

from apps.fraud.engine.decide import MOST_POINTS, SCORE_DIGITS, SCORER, Inputs, Judgement


class Step(Struct, frozen=True, kw_only=True):
    """`share` is what this reason added, or took away; the bar stands between `start` and `end`."""

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


class Signal(Struct, frozen=True):
    """One fact of the scorer's, and its probability once the facts up to this one are added."""

    code: str
    fr: str
    en: str
    probability: float


class ScorerPart(Struct, frozen=True):
    """`start` is the probability before anything is known of the payment."""

    start: float
    signals: tuple[Signal, ...]


class _Part(NamedTuple):
    kind: str
    code: str
    fr: str
    en: str
    points: int
    share: float


SCORER_FR: Final = "Le modèle appris"
SCORER_EN: Final = "The learned scorer"
START: Final = ("start", "Point de départ du modèle : un paiement dont on ne sait rien",
                "Where the scorer starts: a payment of which nothing is known")  # fmt: skip
OTHERS: Final = ("others", "Autres signaux du modèle", "The scorer's other signals")
# A step that reads 0.000 says nothing: such facts go with the other signals.
LEAST: Final = 0.0005


def waterfall(inputs: Inputs, judgement: Judgement, scorer: ScorerPart | None = None) -> Waterfall:
    """Rules by what they put in, then the scorer: as one step, or fact by fact where `scorer` tells them."""
    rules = [reason for reason in judgement.reasons if reason.kind == "rule" and reason.points]
    total = max(MOST_POINTS, judgement.points)
    weight = _rules_weight(inputs)
    parts = [
        _Part(one.kind, one.code, one.fr, one.en, one.points, weight * one.points / total) for one in rules if weight
    ]
    if inputs.scorer == "ok" and inputs.scorer_score is not None:
        if scorer is None:
            parts.append(_Part("scorer", SCORER, SCORER_FR, SCORER_EN, 0, (1 - weight) * inputs.scorer_score))
    elif not inputs.rules_up:  # nobody answered
        parts += [_Part(one.kind, one.code, one.fr, one.en, 0, judgement.score) for one in judgement.reasons[:1]]
    parts.sort(key=lambda part: -part.share)
    if scorer is not None and inputs.scorer == "ok" and inputs.scorer_score is not None:
        parts += _scorer_parts(scorer, 1 - weight, inputs.scorer_score)
    challenge, deny = _thresholds(inputs)
    return Waterfall(
        steps=_steps(parts, judgement.score), score=judgement.score, challenge=min(challenge, deny), deny=deny,
        capped=judgement.points > MOST_POINTS,
    )  # fmt: skip


def _scorer_parts(scorer: ScorerPart, weight: float, probability: float) -> list[_Part]:
    told, upto, listed = [_Part("start", *START, 0, weight * scorer.start)], scorer.start, 0.0
    for one in scorer.signals:
        share = weight * (one.probability - upto)
        upto = one.probability
        if abs(share) >= LEAST:
            told.append(_Part("scorer", one.code, one.fr, one.en, 0, share))
            listed += share
    rest = weight * (probability - scorer.start) - listed
    return [*told, _Part("others", *OTHERS, 0, rest)] if scorer.signals or abs(rest) >= LEAST else told


def _steps(parts: list[_Part], score: float) -> tuple[Step, ...]:
    """Each share is the difference of two rounded places, so that all of them add up to the last place: the score."""
    steps, exact, start = [], 0.0, 0.0
    for n, one in enumerate(parts, 1):
        exact += one.share
        end = score if n == len(parts) else round(exact, SCORE_DIGITS)
        steps.append(
            Step(kind=one.kind, code=one.code, fr=one.fr, en=one.en, points=one.points,
                 share=round(end - start, SCORE_DIGITS), start=start, end=end)
        )  # fmt: skip
        start = end
    return tuple(steps)


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
