"""Every collection, declared once: its shape, what it can be searched by, its indexes and how long it is kept.

Both stores, the migrations, the retention job and the tests read this registry. A document always has `id`
(unique for its tenant), `at` (when it happened) and may hold more than its shape names: partners send fields
that nobody foresaw. What the shape does name has the type it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NotRequired, TypedDict

from kivendtout.lib.documents.errors import InvalidDocumentQuery

YEAR = timedelta(days=365)
_NAME = re.compile(r"[a-z][a-z_]{0,30}")


class Document(TypedDict):
    id: str
    at: datetime


class EventDocument(Document):
    """What a customer did on a shop's site."""

    type: str
    customer_id: NotRequired[str | None]
    session_id: NotRequired[str | None]
    device: NotRequired[str | None]
    ip_hash: NotRequired[str | None]
    utm_source: NotRequired[str | None]
    utm_campaign: NotRequired[str | None]
    product_id: NotRequired[str | None]
    order_id: NotRequired[str | None]
    payment_id: NotRequired[str | None]
    cart_value: NotRequired[str | float | None]  # an observation, not money owed, so a float does no harm


class RawPayloadDocument(Document):
    """What a partner or a topic sent, as it came (card numbers removed)."""

    source: str
    reference: NotRequired[str | None]
    customer_id: NotRequired[str | None]
    trace_id: NotRequired[str | None]
    body: str | dict[str, Any]


class DatabaseLogDocument(Document):
    """A slow or failed statement, without its values."""

    kind: str
    trace_id: NotRequired[str | None]
    statement: NotRequired[str]
    milliseconds: NotRequired[float]


class AccessLogDocument(Document):
    """Who looked at what: one read or change of personal data through the console, the admin or the API."""

    actor: str
    action: str
    customer_id: NotRequired[str | None]
    trace_id: NotRequired[str | None]
    reason: NotRequired[str | None]


class ReviewDocument(Document):
    """A customer's review of a product."""

    product_id: str
    customer_id: NotRequired[str | None]
    rating: int
    text: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Collection:
    name: str
    shape: type
    filters: tuple[str, ...]
    """Top-level text fields that it can be searched and counted by; columns of their own in PostgreSQL."""
    indexes: tuple[tuple[str, ...], ...]
    """Fields of each index, after the tenant. The tenant and the id are unique together without saying so."""
    retention: timedelta
    scrubbed: bool = True
    """Card numbers and security codes are removed on the way in."""
    counted: tuple[str, ...] = ()
    """Further top-level text fields that `count_values` counts by; no index serves them."""

    def __post_init__(self) -> None:
        # Names become SQL identifiers, so they are plain ones; the stores rely on this check.
        assert all(_NAME.fullmatch(name) for name in (self.name, *self.filters, *self.counted)), self.name
        assert all(set(index) <= {*self.filters, "at"} for index in self.indexes), self.name


_DECLARED = (
    Collection(
        name="events",
        shape=EventDocument,
        filters=("customer_id", "session_id", "type"),
        # By time alone, not by type and time: it serves every period, and costs an event 1 µs instead of 4. A session's
        # is with time, so that no planner reads a period to find a session in order.
        indexes=(("customer_id", "at"), ("session_id", "at"), ("at",)),
        # Fraud patterns come back with the seasons: two of each, so that one can train and the other test.
        retention=2 * YEAR,
        # The event schemas admit no free text where a number could hide, and this is the collection that must be fast.
        scrubbed=False,
        counted=("product_id",),
    ),
    Collection(
        name="raw_payloads",
        shape=RawPayloadDocument,
        filters=("source", "reference", "customer_id", "trace_id"),
        indexes=(("reference",), ("customer_id", "at"), ("source", "at"), ("trace_id",)),
        # Long enough to settle with a partner what was sent; the payment itself is kept elsewhere.
        retention=timedelta(days=90),
    ),
    Collection(
        name="database_logs",
        shape=DatabaseLogDocument,
        filters=("kind", "trace_id"),
        indexes=(("kind", "at"), ("trace_id",)),
        # For finding out why something was slow or failed; a quarter shows the trend.
        retention=timedelta(days=90),
    ),
    Collection(
        name="access_logs",
        shape=AccessLogDocument,
        filters=("actor", "action", "customer_id", "trace_id"),
        indexes=(("actor", "at"), ("action", "at"), ("customer_id", "at"), ("trace_id",)),
        # The French authority recommends six months to one year for access logs: misuse is often found months
        # later, and a longer record of what each employee does would itself be surveillance.
        retention=YEAR,
    ),
    Collection(
        name="reviews",
        shape=ReviewDocument,
        filters=("customer_id", "product_id"),
        indexes=(("customer_id", "at"), ("product_id", "at")),
        # As long as the same authority lets a shop keep a customer who no longer buys.
        retention=3 * YEAR,
    ),
)
COLLECTIONS = {collection.name: collection for collection in _DECLARED}


def collection_named(name: str) -> Collection:
    if (found := COLLECTIONS.get(name)) is None:
        known = ", ".join(COLLECTIONS)
        raise InvalidDocumentQuery(f"There is no collection {name!r}. Use one of: {known}.")
    return found
