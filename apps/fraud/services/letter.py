"""A dead letter as its topic holds it: where it is, what its headers say, and whether it may be sent again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_noop

from kivendtout.lib.errors import Conflict, InvalidInput
from kivendtout.lib.redact import CARD_REMOVED

# Kinds of fault, in the words of whoever reads the list. A kind that is not here is filed as `invalid`.
CODES: Final[dict[str, str]] = {
    "malformed": "It cannot be read at all.",
    "oversized": "It is larger than a message may be.",
    "unknown_version": "Its schema version is not known here.",
    "unknown_schema": "Its Avro schema cannot be read here.",
    "invalid": "A field of it is missing, unknown or wrong.",
    "from_the_future": "Its time lies ahead of ours.",
    "no_tenant": "It names no tenant, or one that does not exist.",
    "impossible": "It contradicts what is on record.",
    "not_stored": "The database refused it.",
}
_PLACE: Final = re.compile(r"(?P<topic>[A-Za-z0-9._-]{1,249})\[(?P<partition>\d{1,6})\]@(?P<offset>\d{1,18})")


class PlaceUnreadable(InvalidInput):
    code = "place_unreadable"
    message = gettext_noop(
        "%(place)r is no place of a message. Write topic[partition]@offset, such as orders.dlq[0]@17."
    )


class HeldCard(Conflict):
    code = "not_retried"
    message = gettext_noop(
        "%(place)s held a card number, which was masked: it is not the message that was sent. "
        "Ask the sender to send it again without the number, then discard it."
    )


class WasCut(Conflict):
    code = "not_retried"
    message = gettext_noop(
        "%(place)s is cut: of its %(size)s bytes not all were kept. "
        "Ask the sender for a smaller message, then discard it."
    )


@dataclass(frozen=True, slots=True)
class Place:
    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


def place_of(text: str) -> Place:
    found = _PLACE.fullmatch(text.strip())
    if found is None:
        raise PlaceUnreadable(place=text[:80])
    return Place(found["topic"], int(found["partition"]), int(found["offset"]))


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as its topic holds it. Lists leave its value out."""

    place: Place
    stamped_at: datetime
    topic: str
    """Where the message was to be read."""
    code: str
    reason: str
    source: str
    tenant: str
    trace_id: str
    traceparent: bytes
    failed_at: str
    retries: int
    masked: str
    """What of it is masked, and what is cut: 'value', 'key', both, or nothing."""
    cut: str
    size: int
    key: bytes | None = None
    value: bytes = b""

    @property
    def mark(self) -> tuple[str, datetime]:
        """By which our rows know it."""
        return str(self.place), self.stamped_at


def dead_letter_refusal(letter: Letter) -> Conflict | None:
    """Why it cannot be sent again as it was, or None."""
    if letter.masked or CARD_REMOVED.encode() in letter.value:
        return HeldCard(place=letter.place)
    return WasCut(place=letter.place, size=letter.size) if letter.cut else None
