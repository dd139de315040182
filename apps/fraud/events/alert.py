"""Topic `fraud-alerts`: an alert as it was raised, and each later change of it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from apps.fraud.events import words
from apps.fraud.events.words import Outcome, Reasons, Score, Severity
from kivendtout.lib.events import Moment, Told, Topic

# Open on purpose: a new kind of change is no new version, because readers take the alert as it stands in any case.
Change = Annotated[str, Meta(min_length=1, max_length=32, pattern="^[a-z][a-z_]*$")]
Status = Literal["PENDING_REVIEW", "INVESTIGATING", "APPROVED", "BLOCKED"]
RAISED: Final = "raised"
STATUS: Final = "status"


class AlertEvent(Told, frozen=True, kw_only=True):
    """An alert as it stands after a change. What the decision said is null where an alert came without one."""

    # In the order of the alphabet, as those of a decision.
    alert_id: str
    alert_number: int
    change: Change = RAISED
    changed_at: Moment
    customer_id: str
    decision: Outcome | None = None
    decision_id: str | None = None
    degraded: bool | None = None
    degraded_parts: tuple[str, ...] = ()
    payment_id: str
    points: int | None = None
    raised_at: Moment
    reasons: Reasons = ()
    rule: str
    schema_version: Literal[1] = 1
    score: Score | None = None
    severity: Severity
    status: Status = "PENDING_REVIEW"


MEANINGS: Final = words.MEANINGS | {
    "alert_id": "The alert, as everybody may call it. The same id twice is the same alert.",
    "alert_number": "Its number in our database.",
    "change": "What happened to it: raised, status. Others may come; the message always tells the alert as it stands.",
    "changed_at": "When that happened. Of two messages about an alert, the later one holds.",
    "raised_at": "When the alert was raised.",
    "rule": "Code of the rule that led to it, or of what did instead.",
    "severity": "How urgent it is.",
    "status": "Where its review stands.",
}
TOPIC: Final = Topic(
    "fraud-alerts", AlertEvent, "customer_id", "the outbox relay", "partners, case tools of the tenant", MEANINGS
)
