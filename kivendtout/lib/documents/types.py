"""What goes into and comes out of a document store."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kivendtout.lib.documents.checks import check_key
from kivendtout.lib.documents.collections import Collection
from kivendtout.lib.documents.errors import InvalidDocument, InvalidDocumentQuery

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class InsertResult:
    inserted: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Tally:
    documents: int
    different: int
    """How many values of the field that was asked for; documents without it count as documents only."""


@dataclass(frozen=True, slots=True)
class Page:
    documents: list[dict[str, Any]]
    next_cursor: str | None
    """Give it back to `find` for the page after this one; None when there is none."""


@dataclass(frozen=True, slots=True)
class Position:
    """The last document that a page showed; time first, id where times are equal."""

    at: datetime
    id: str

    def cursor(self) -> str:
        return base64.urlsafe_b64encode(f"{(self.at - EPOCH) // MILLISECOND}:{self.id}".encode()).decode()

    @classmethod
    def read(cls, cursor: str) -> Position:
        try:
            at, _, identity = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition(":")
            return cls(EPOCH + int(at) * MILLISECOND, check_key("id", identity))
        except (ValueError, OverflowError, InvalidDocument) as error:
            raise InvalidDocumentQuery("The cursor is not one of ours. Start again from the first page.") from error


@dataclass(frozen=True, slots=True)
class Query:
    """Which documents: of one tenant, with these values, from `since` on and before `until`."""

    collection: Collection
    tenant_id: int
    filters: dict[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
