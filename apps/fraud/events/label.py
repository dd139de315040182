"""Topic `labels`: what turned out to be true of a payment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from kivendtout.lib.events import Id, Message, Moment, Topic

# As wide as FraudLabel's column.
Pattern = Annotated[str, Meta(min_length=1, max_length=32)]


class LabelEvent(Message, frozen=True, kw_only=True):
    """A verdict on a payment: fraud or not, from whom, and since when it is known."""

    HINTS: ClassVar[Mapping[str, str]] = {
        "schema_version": "must be 1, the only version there is",
        "is_fraud": "must be true or false",
        "known_at": "must be a time with its zone in RFC 3339, like 2025-11-26T08:10:15Z",
    }
    schema_version: Literal[1] = 1
    label_id: Id
    payment_id: Id
    customer_id: Id | None = None
    is_fraud: bool
    source: Literal["chargeback", "analyst", "export"]
    pattern: Pattern | None = None
    known_at: Moment

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_moments()

    def moments(self) -> list[tuple[str, datetime | None]]:
        return [("known_at", self.known_at)]


MEANINGS: Final = {
    "schema_version": "Version of this message; 1 is the only one there is.",
    "label_id": "The verdict, as its sender calls it: the same one sent twice is the same verdict.",
    "payment_id": "The payment judged, as its sender calls it.",
    "customer_id": "The customer, as the sender calls them. It is the key of the message where it is told.",
    "is_fraud": "The verdict.",
    "source": "Who says so. A payment has one verdict of each source.",
    "pattern": "Kind of fraud, when it is known.",
    "known_at": "Since when it is known: training never looks at it earlier.",
}
TOPIC: Final = Topic(
    "labels",
    LabelEvent,
    "customer_id, else payment_id",
    "partners, the outbox relay for analysts' verdicts",
    "the stream worker",
    MEANINGS,
    also_told=True,
)
