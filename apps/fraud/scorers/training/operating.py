"""Where to challenge and where to deny, and how much the scorer weighs beside the rules: what costs least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.fraud.engine.decide import MOST_POINTS, SCORE_DIGITS
from apps.fraud.scorers.trained import Operating
from apps.fraud.scorers.training.calibrating import sigmoid, weights_of
from apps.fraud.scorers.training.plan import WEIGHTS, Costs
from apps.fraud.scorers.training.rows import Flags, Floats

ALLOW, CHALLENGE, DENY = range(3)
Outcomes = NDArray[np.int8]
# With as many known frauds, what came counts as much as what was to be expected; with ten times as many, ten times.
FRAUDS_TO_TRUST: Final = 100
LEAST: Final = 1e-6


@dataclass(frozen=True)
class RulesSaid:
    """What a rule set says of each row, in the rows' order."""

    points: NDArray[np.int64]
    floor: Outcomes
    """What hard rules demand at least: ALLOW for nothing."""
    allowed: Flags
    """A hard rule lets it pass, whatever its score."""

    def part(self, which: slice | NDArray[Any]) -> RulesSaid:
        return RulesSaid(self.points[which], self.floor[which], self.allowed[which])

    @property
    def score(self) -> Floats:
        return np.minimum(self.points, MOST_POINTS) / MOST_POINTS


def silent(count: int) -> RulesSaid:
    return RulesSaid(np.zeros(count, np.int64), np.zeros(count, np.int8), np.zeros(count, bool))


def combined(probabilities: Floats, rules: RulesSaid, weight: float) -> Floats:
    """As `decide` does."""
    return weight * probabilities + (1 - weight) * rules.score


def outcomes(score: Floats, rules: RulesSaid, challenge: float, deny: float) -> Outcomes:
    """As `decide` does: a deny stands above an allow, an allow above a challenge."""
    by_score = np.where(score >= deny, DENY, np.where(score >= min(challenge, deny), CHALLENGE, ALLOW))
    found = np.where(rules.allowed, ALLOW, np.maximum(by_score, rules.floor))
    return np.where(rules.floor == DENY, DENY, found).astype(np.int8)


def costs_of(fraud: Flags | Floats, amounts: Floats, costs: Costs) -> Floats:
    """A column for each outcome, in euros. `fraud` may be how likely it is: the costs are then those to expect."""
    lost, good = fraud * (amounts + costs.chargeback_fee), 1.0 - fraud
    made = np.empty((len(fraud), 3))
    made[:, ALLOW] = lost
    made[:, CHALLENGE] = costs.alert + lost * (1 - costs.challenge_stops) + good * costs.challenge
    made[:, DENY] = costs.alert + good * (amounts * costs.declined_share + costs.declined)
    return made


def believed(fraud: Flags, probabilities: Floats, rules: RulesSaid, late: float) -> Floats:
    """Between what came and what was to be expected: a handful of dear frauds must not choose the thresholds.

    Expected by scorer and rules together, weighed as these payments say, so that neither has its own word for truth.
    `late`: frauds there are for each that is known.
    """
    sure = np.clip(probabilities, LEAST, 1 - LEAST)
    design = np.stack([np.log(sure / (1 - sure)), rules.score, np.ones_like(sure)])
    expected = sigmoid(weights_of(design, fraud) @ design + np.log(late))
    trust = FRAUDS_TO_TRUST / (FRAUDS_TO_TRUST + int(fraud.sum()))
    return trust * expected + (1 - trust) * np.where(fraud, 1.0, expected * (1 - 1 / late))


def cost_at(decided: Outcomes, prices: Floats) -> float:
    return float(prices[np.arange(len(decided)), decided].sum())


def chosen(
    probabilities: Floats,
    rules: RulesSaid | None,
    fraud: Flags,
    amounts: Floats,
    *,
    costs: Costs,
    most_touched: float,
    late: float = 1.0,
    weights: Sequence[float] = WEIGHTS,
) -> tuple[Operating, list[dict[str, Any]]]:
    """And what each weight would have cost. Without rules the scorer decides alone."""
    said = rules if rules is not None else silent(len(fraud))
    prices = costs_of(believed(fraud, probabilities, said, late), amounts, costs)
    table = []
    for weight in weights if rules is not None else (1.0,):
        score = combined(probabilities, said, weight)
        challenge, deny = cheapest(score, said, fraud, prices, most_touched)
        cost = cost_at(outcomes(score, said, challenge, deny), prices)
        table.append({"weight": weight, "challenge": challenge, "deny": deny, "cost": round(cost, 2)})
    # Of equal ones the heaviest: rules that change nothing need no share.
    best = min(table, key=lambda one: (one["cost"], -one["weight"]))
    alone = cheapest(probabilities, silent(len(fraud)), fraud, prices, most_touched)[1]
    point = Operating(challenge=best["challenge"], deny=best["deny"], weight=best["weight"], alone_deny=alone)
    return point, [{**one, "kept": one is best} for one in table]


def cheapest(score: Floats, rules: RulesSaid, fraud: Flags, prices: Floats, most_touched: float) -> tuple[float, float]:
    """Challenge and deny thresholds. From the highest score down, each payment denied or challenged changes the cost
    by what its row says, so both thresholds are minima of running sums."""
    settled = rules.allowed | (rules.floor == DENY)
    held = rules.floor == CHALLENGE
    denied, challenged = prices[:, DENY] - prices[:, CHALLENGE], prices[:, CHALLENGE] - prices[:, ALLOW]
    free = np.flatnonzero(~settled)
    order = free[np.argsort(-score[free], kind="stable")]
    ranked = score[order]
    ends = np.append(0, np.flatnonzero(np.append(np.diff(ranked) != 0, True)) + 1) if len(order) else np.array([0])
    deny_sum = _sums(denied[order], ends)
    challenge_sum = _sums(np.where(held, 0.0, challenged)[order], ends)
    touched = _sums((~fraud & ~held)[order].astype(np.float64), ends)
    already = int((~fraud & ((rules.floor == DENY) | (held & ~settled))).sum())
    room = max(np.floor(most_touched * int((~fraud).sum()) + 1e-9) - already, 0)
    deepest = int(np.searchsorted(touched, room, side="right")) - 1
    # For each place to challenge from, the best place to deny from above it.
    best_deny = _first_minima(deny_sum[: deepest + 1])
    total = challenge_sum[: deepest + 1] + deny_sum[best_deny]
    at = int(np.argmin(total))
    return _threshold(ranked, int(ends[at])), _threshold(ranked, int(ends[best_deny[at]]))


def _sums(values: Floats, ends: NDArray[Any]) -> Floats:
    sums: Floats = np.append(0.0, np.cumsum(values))[ends]
    return sums


def _first_minima(values: Floats) -> NDArray[np.int64]:
    """For each place, where the least value up to it stands."""
    least = np.minimum.accumulate(values)
    new = np.append(True, least[1:] < least[:-1])
    return np.maximum.accumulate(np.where(new, np.arange(len(values)), 0))


def _threshold(ranked: Floats, count: int) -> float:
    """Between the last score that is in and the first that is not: rounding then moves nobody across."""
    last = float(ranked[count - 1]) if count else 1.0
    below = float(ranked[count]) if count < len(ranked) else 0.0
    middle = round((last + below) / 2, SCORE_DIGITS)
    return middle if below < middle <= last else last
