"""The narrow interface that the product uses, whichever database is behind it; docs/documents.md tells the contract.

The public methods check, then call the underscored ones, which a store implements: so both refuse alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from kivendtout.lib.documents import checks
from kivendtout.lib.documents.checks import Prepared
from kivendtout.lib.documents.collections import COLLECTIONS, Collection, collection_named
from kivendtout.lib.documents.errors import InvalidDocumentQuery
from kivendtout.lib.documents.types import InsertResult, Page, Position, Query, Tally

# One statement's worth: large enough to spread the round trip, small enough that locks are held for milliseconds.
BATCH = 5_000
# What one statement may carry: documents of the largest size would otherwise make gigabytes of it.
BATCH_BYTES = 8_000_000
MAX_PAGE = 1_000
# A roll-up is read by a person or drawn; a field with more values than this is not one to roll up by.
MAX_GROUPS = 1_000
NO_FILTERS: Mapping[str, str] = {}


def _query(
    collection: str, tenant_id: int, filters: Mapping[str, str], since: datetime | None, until: datetime | None
) -> Query:
    found = collection_named(collection)
    return Query(
        found,
        checks.check_tenant(tenant_id),
        checks.check_filters(found, filters),
        checks.check_moment("since", since),
        checks.check_moment("until", until),
    )


def _bounded(query: Query) -> Query:
    if not query.filters and query.since is None:
        known = ", ".join(query.collection.filters)
        raise InvalidDocumentQuery(f"This would read all of {query.collection.name}. Name since or a filter ({known}).")
    return query


def _batches(prepared: list[Prepared]) -> Iterator[list[Prepared]]:
    batch: list[Prepared] = []
    size = 0
    for one in prepared:
        if batch and (len(batch) == BATCH or size + len(one.text) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += len(one.text)
    if batch:
        yield batch


class DocumentStore(ABC):
    name: str
    transactional: bool
    """Whether it writes within Django's transaction, and so together with the tables around it."""

    def insert_many(self, collection: str, tenant_id: int, documents: Iterable[Mapping[str, Any]]) -> InsertResult:
        """Stores what is not there yet. Any document refused means none is stored; repeating a call is harmless."""
        found, tenant = collection_named(collection), checks.check_tenant(tenant_id)
        return self._insert_all(found, tenant, checks.prepare(found, documents))

    def insert_prepared(self, collection: str, tenant_id: int, prepared: Iterable[Prepared]) -> InsertResult:
        """The same for whoever has proven, of many documents at once, what `checks.prepare` proves of each."""
        found, tenant = collection_named(collection), checks.check_tenant(tenant_id)
        return self._insert_all(found, tenant, checks.in_order(prepared))

    def _insert_all(self, found: Collection, tenant: int, prepared: list[Prepared]) -> InsertResult:
        inserted = sum(self._insert(found, tenant, batch) for batch in _batches(prepared))
        return InsertResult(inserted, len(prepared) - inserted)

    def get(self, collection: str, tenant_id: int, document_id: str) -> dict[str, Any] | None:
        found, tenant = collection_named(collection), checks.check_tenant(tenant_id)
        return self._get(found, tenant, checks.check_key("id", document_id))

    def find(
        self,
        collection: str,
        tenant_id: int,
        *,
        filters: Mapping[str, str] = NO_FILTERS,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        newest_first: bool = True,
        cursor: str | None = None,
    ) -> Page:
        """One page in order of time. Asks for a filter or `since`, so that no call can read a whole collection."""
        query = _bounded(_query(collection, tenant_id, filters, since, until))
        if not 0 < limit <= MAX_PAGE:
            raise InvalidDocumentQuery(f"limit is {limit}; it may be 1 to {MAX_PAGE}. Use the cursor for more.")
        after = Position.read(cursor) if cursor else None
        documents = self._find(query, limit + 1, newest_first, after)  # the one more tells whether a page follows
        page = documents[:limit]
        more = Position(page[-1]["at"], page[-1]["id"]).cursor() if len(documents) > limit else None
        return Page(page, more)

    def count(
        self,
        collection: str,
        tenant_id: int,
        *,
        filters: Mapping[str, str] = NO_FILTERS,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> int:
        return self._count(_bounded(_query(collection, tenant_id, filters, since, until)))

    def count_by(
        self, collection: str, tenant_id: int, field: str, *, since: datetime, until: datetime
    ) -> dict[str | None, int]:
        """How many documents each value of the field has, most frequent first, the first thousand values."""
        query = _query(collection, tenant_id, NO_FILTERS, since, until)
        return dict(self._count_by(query, checks.check_field(query.collection, field), MAX_GROUPS))

    def count_different(self, collection: str, tenant_id: int, field: str, *, since: datetime, until: datetime) -> int:
        """How many values the field has in the period; the store counts, however many documents there are."""
        query = _query(collection, tenant_id, NO_FILTERS, since, until)
        return self._count_different(query, checks.check_field(query.collection, field))

    def tally(
        self,
        collection: str,
        tenant_id: int,
        field: str,
        groups: Mapping[str, Sequence[str]],
        *,
        different: str,
        since: datetime,
        until: datetime,
    ) -> dict[str, Tally]:
        """For each group of values of the field: how many documents, and how many values of `different` in them."""
        query = _query(collection, tenant_id, NO_FILTERS, since, until)
        found, other = checks.check_field(query.collection, field), checks.check_field(query.collection, different)
        for values in groups.values():
            for value in values:
                checks.check_filters(query.collection, {found: value})
        return dict.fromkeys(groups, Tally(0, 0)) | self._tally(query, found, groups, other)

    def count_values(
        self,
        collection: str,
        tenant_id: int,
        field: str,
        *,
        filters: Mapping[str, str] = NO_FILTERS,
        since: datetime,
        until: datetime,
    ) -> Iterator[tuple[str, int]]:
        """Every value of the field and how often it is there; one by one, as there may be more than memory holds."""
        query = _query(collection, tenant_id, filters, since, until)
        return self._count_values(query, checks.check_counted(query.collection, field))

    def delete(self, collection: str, tenant_id: int, filters: Mapping[str, str]) -> int:
        """Erases what the filters name, for good; at least one filter, so that nobody empties a tenant by omission."""
        if not filters:
            raise InvalidDocumentQuery("Name at least one filter: without one, every document would be deleted.")
        return self._delete(_query(collection, tenant_id, filters, None, None))

    def expire(self, now: datetime) -> dict[str, int]:
        """Deletes what has outlived its retention, of every tenant, in short batches; how many by collection."""
        if now.tzinfo is None:
            raise InvalidDocumentQuery("now must be a date and time with a time zone.")
        return {name: self._expire_all(one, now - one.retention) for name, one in COLLECTIONS.items()}

    def _expire_all(self, collection: Collection, before: datetime) -> int:
        total = 0
        while deleted := self._expire(collection, before, BATCH):
            total += deleted
        return total

    @abstractmethod
    def ping(self) -> None:
        """Returns when the store answers; raises DocumentsUnavailable when it does not."""

    @abstractmethod
    def _insert(self, collection: Collection, tenant_id: int, batch: list[Prepared]) -> int: ...

    @abstractmethod
    def _get(self, collection: Collection, tenant_id: int, document_id: str) -> dict[str, Any] | None: ...

    @abstractmethod
    def _find(self, query: Query, limit: int, newest_first: bool, after: Position | None) -> list[dict[str, Any]]: ...

    @abstractmethod
    def _count(self, query: Query) -> int: ...

    @abstractmethod
    def _count_by(self, query: Query, field: str, limit: int) -> list[tuple[str | None, int]]: ...

    @abstractmethod
    def _count_different(self, query: Query, field: str) -> int: ...

    @abstractmethod
    def _tally(
        self, query: Query, field: str, groups: Mapping[str, Sequence[str]], different: str
    ) -> dict[str, Tally]: ...

    @abstractmethod
    def _count_values(self, query: Query, field: str) -> Iterator[tuple[str, int]]: ...

    @abstractmethod
    def _delete(self, query: Query) -> int: ...

    @abstractmethod
    def _expire(self, collection: Collection, before: datetime, limit: int) -> int: ...
