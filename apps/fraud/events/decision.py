"""Topic `decisions`: what was decided on a payment, told once it is stored."""

from __future__ import annotations

from typing import Final, Literal

from apps.fraud.events import words
from apps.fraud.events.words import Outcome, Reasons, Score
from kivendtout.lib.events import Moment, Told, Topic


class DecisionEvent(Told, frozen=True, kw_only=True):
    """What was decided on a payment. A repeat carries the same decision_id."""

    # In the order of the alphabet, as they have been written since the first of them.
    customer_id: str
    decided_at: Moment
    decision: Outcome
    decision_id: str
    degraded: bool
    degraded_parts: tuple[str, ...]
    payment_id: str
    points: int
    reasons: Reasons
    ruleset_version: int | None
    schema_version: Literal[1] = 1
    score: Score
    scorer_version: str | None


MEANINGS: Final = words.MEANINGS | {
    "decided_at": "When, by our clock.",
    "ruleset_version": "Number of the rule set that spoke; null when none could be used.",
    "scorer_version": "The scorer that spoke; null when rules decided alone.",
}
TOPIC: Final = Topic(
    "decisions", DecisionEvent, "customer_id", "the outbox relay", "partners, systems of the tenant", MEANINGS
)
