"""Words that decisions and alerts share."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from apps.fraud.engine.decide import Reason

Outcome = Literal["ALLOW", "CHALLENGE", "DENY"]
Severity = Literal["LOW", "MEDIUM", "HIGH"]
Score = Annotated[float, Meta(ge=0, le=1)]
Reasons = tuple[Reason, ...]
MEANINGS = {
    "schema_version": "Version of this message; 1 is the only one there is.",
    "payment_id": "The payment, as its sender calls it.",
    "customer_id": "The customer, as the sender calls them. It is the key of the message.",
    "decision_id": "The decision: one a payment. The same id twice is the same decision told twice.",
    "decision": "What was decided, from the mildest to the hardest: ALLOW, CHALLENGE, DENY.",
    "score": "From 0, nothing doubtful, to 1.",
    "points": "Sum of the points of the rules that hit; of one reason, its own.",
    "reasons": "What spoke for or against the payment.",
    "degraded": "Something that the decision leans on did not answer.",
    "degraded_parts": "What did not answer, such as state or rules.",
    "kind": "Who gives the reason.",
    "code": "Code of the rule, of the list, or of what was away.",
    "fr": "The reason in French.",
    "en": "The reason in English.",
    "action": "A hard action of the rule or list: allow, challenge or deny; empty when it only adds points.",
}
