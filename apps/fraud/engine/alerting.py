"""Which decisions become an alert, and how urgent it is. See the tenant's policy."""

from __future__ import annotations

from typing import Final

from apps.fraud.engine.decide import SCORER, Inputs, Judgement
from apps.fraud.engine.outcome import Outcome

ALERT_POINTS: Final = 60
HIGH_POINTS: Final = 85
MEDIUM_POINTS: Final = 60
# Expected loss in euros: what an analyst would look at first, whatever the points.
HIGH_LOSS: Final = 300.0
MEDIUM_LOSS: Final = 60.0
LEVELS: Final = ("LOW", "MEDIUM", "HIGH")


def raises_alert(inputs: Inputs, judgement: Judgement, *, failed: bool) -> bool:
    if inputs.policy.alerts == "points":
        return judgement.points >= ALERT_POINTS or failed
    watched = any(hit.effect in ("watch", "deny") for hit in inputs.lists)
    hard = any(hit.action in ("deny", "challenge") for hit in inputs.rules)
    return judgement.result > Outcome.ALLOW or hard or watched


def severity(inputs: Inputs, judgement: Judgement, amount_eur: float | None) -> str:
    by_points = _level(judgement.points, MEDIUM_POINTS, HIGH_POINTS)
    if inputs.policy.alerts == "points":
        return LEVELS[by_points]
    by_loss = _level(judgement.score * (amount_eur or 0.0), MEDIUM_LOSS, HIGH_LOSS)
    return LEVELS[max(by_points, by_loss, 2 if judgement.decided_by.startswith(("list:", "rule:")) else 0)]


def _level(value: float, medium: float, high: float) -> int:
    return 2 if value >= high else 1 if value >= medium else 0


def leading_rule(judgement: Judgement) -> str:
    """The code that an alert is filed under."""
    first = next((reason.code for reason in judgement.reasons), "")
    return first or (SCORER if judgement.scorer_score is not None else "SCORE")
