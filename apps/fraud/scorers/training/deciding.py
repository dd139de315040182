"""What the chosen thresholds do to payments: who is asked, who is declined, what it costs."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from apps.fraud.engine.decide import Policy
from apps.fraud.scorers.measures import at_fpr
from apps.fraud.scorers.trained import Operating
from apps.fraud.scorers.training.measured import ranked
from apps.fraud.scorers.training.operating import (
    ALLOW,
    CHALLENGE,
    DENY,
    Outcomes,
    RulesSaid,
    combined,
    cost_at,
    costs_of,
    outcomes,
    silent,
)
from apps.fraud.scorers.training.plan import Costs
from apps.fraud.scorers.training.rows import DAY, Flags, Floats, Rows

NAMES: Final = {ALLOW: "allow", CHALLENGE: "challenge", DENY: "deny"}
# Where rule sets stop by themselves: the tenant's own thresholds, and the alert of the users' first policy.
POINTS: Final = (round(100 * Policy().challenge), 60, round(100 * Policy().deny))


def decided(
    rows: Rows, which: slice, truth: Flags, said: Floats, rules: RulesSaid | None, point: Operating, costs: Costs
) -> tuple[Outcomes, dict[str, Any]]:
    """The outcomes, and their figures."""
    beside = rules if rules is not None else silent(len(truth))
    result = outcomes(combined(said, beside, point.weight), beside, point.challenge, point.deny)
    amounts, days = rows.amounts[which], _days(rows, which)
    touched, declined = result > ALLOW, result == DENY
    prices = costs_of(truth, amounts, costs)
    customers = rows.customers[which]
    return result, {
        "confusion": {
            name: {
                "frauds": int((truth & (result == outcome)).sum()),
                "good": int((~truth & (result == outcome)).sum()),
                "fraud_eur": _euros(amounts, truth & (result == outcome)),
                "good_eur": _euros(amounts, ~truth & (result == outcome)),
            }
            for outcome, name in NAMES.items()
        },
        "recall": share(touched & truth, truth),
        "recall_eur": _ratio(_euros(amounts, touched & truth), _euros(amounts, truth)),
        "good_touched": share(touched & ~truth, ~truth),
        "good_declined": share(declined & ~truth, ~truth),
        "precision": share(touched & truth, touched),
        "deny_precision": share(declined & truth, declined),
        "alerts_a_day": round(int(touched.sum()) / days, 2),
        "customers_declined_a_day": round(len(np.unique(customers[declined])) / days, 2),
        "good_customers_declined_a_day": round(len(np.unique(customers[declined & ~truth])) / days, 2),
        "cost_eur": round(cost_at(result, prices), 2),
        "cost_of_nothing_eur": round(float(prices[:, ALLOW].sum()), 2),
    }


def rules_alone(
    rows: Rows, which: slice, truth: Flags, rules: RulesSaid, scores: Floats, costs: Costs
) -> dict[str, Any]:
    """A rule set by itself; and at as many good payments touched, what share of frauds `scores` would catch."""
    prices = costs_of(truth, rows.amounts[which], costs)
    found = []
    for points in POINTS:
        stopped = outcomes(rules.score, rules, points / 100, points / 100) > ALLOW
        fpr = share(stopped & ~truth, ~truth)
        there = None if fpr is None else at_fpr(truth, scores, fpr)
        found.append(
            {
                "points": points,
                "alert_share": share(stopped, np.ones_like(stopped)),
                "recall": share(stopped & truth, truth),
                "fpr": fpr,
                "precision": share(stopped & truth, stopped),
                "scorer_recall": None if there is None else there.recall,
            }
        )
    policy = Policy()
    usual = outcomes(rules.score, rules, policy.challenge, policy.deny)
    return {
        **ranked(truth, rules.score),
        "at": found,
        "cost_eur": round(cost_at(usual, prices), 2),
    }


def share(part: Flags, whole: Flags) -> float | None:
    return _ratio(float(part.sum()), float(whole.sum()))


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None


def _euros(amounts: Floats, which: Flags) -> float:
    return round(float(amounts[which].sum()), 2)


def _days(rows: Rows, which: slice) -> float:
    at = rows.at[which]
    return max(float(at[-1] - at[0]) / DAY, 1.0) if len(at) else 1.0
