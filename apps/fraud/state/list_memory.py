"""Each process keeps its tenants' lists in memory and asks PostgreSQL, twice a second at most, whether they changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import structlog
from django.db import connection
from django.db.utils import Error
from django.utils.translation import gettext_noop

from apps.fraud.engine.lists import FOREVER, EntryRow, ListDefinition, ListIndex
from apps.fraud.models import FraudList, ListEntry, ListsVersion
from kivendtout.lib.clock import event_time
from kivendtout.lib.errors import ServiceUnavailable
from kivendtout.lib.tenancy import tenant_scope

log = structlog.get_logger(__name__)
# With this, and what a change and a question take, a change is everywhere within a second.
EVERY: Final = 0.5
# Rows a fetch: the driver holds one fetch at a time, whatever the size of the lists.
FETCH: Final = 20_000
_COLUMNS: Final = ("id", "list_id", "value", "network", "value_hash", "expires_at", "reason", "removed_at")


class ListsNotLoaded(ServiceUnavailable):
    """Without its lists a process would let pass what they deny, so it says that it cannot tell."""

    code = "lists_not_loaded"
    message = gettext_noop("The lists could not be read yet, as the database does not answer. Try again shortly.")


class _Held:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.index: ListIndex | None = None
        self.version = 0
        self.asked_at = 0.0
        self.failing = False


class ListMemory:
    """Call `current` outside the transaction that changes lists: one that is rolled back must not have been read."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, every: float = EVERY) -> None:
        self._clock = clock
        self._every = every
        self._held: dict[int, _Held] = {}

    def current(self, tenant_id: int) -> ListIndex:
        held = self._held.get(tenant_id) or self._held.setdefault(tenant_id, _Held())
        index = held.index
        if index is not None and self._clock() - held.asked_at < self._every:
            return index
        # Who already has an index does not wait for who is asking; who has none must.
        if not held.lock.acquire(blocking=index is None):
            assert index is not None
            return index
        try:
            return self._ask(held, tenant_id)
        finally:
            held.lock.release()

    def _ask(self, held: _Held, tenant_id: int) -> ListIndex:
        now = self._clock()
        if held.index is not None and now - held.asked_at < self._every:
            return held.index
        try:
            with tenant_scope(tenant_id):
                _refresh(held, tenant_id)
            held.failing = False
        except Error as error:
            self._failed(held, error)
        finally:
            held.asked_at = now
        if held.index is None:
            raise ListsNotLoaded
        return held.index

    def _failed(self, held: _Held, error: Exception) -> None:
        if not held.failing:
            held.failing = True
            log.warning("lists kept as they were: the database does not answer", error=type(error).__name__)
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def _refresh(held: _Held, tenant_id: int) -> None:
    version = ListsVersion.objects.filter(tenant_id=tenant_id).values_list("version", flat=True).first() or 0
    if held.index is not None and version == held.version:
        return
    if held.index is None or version < held.version:  # lower: the database was restored from an earlier day
        live = ListEntry.objects.filter(removed_at=None).values_list(*_COLUMNS)
        held.index = ListIndex(_definitions(), _rows(live)) if version else ListIndex()
    else:
        changed = ListEntry.objects.filter(changed_in__gt=held.version).order_by("changed_in", "removed_at", "pk")
        rows = list(_rows(changed.values_list(*_COLUMNS)))  # read whole before any of it is applied
        held.index.apply(_definitions(), rows)
    held.version = version


def _definitions() -> list[ListDefinition]:
    lists = FraudList.objects.order_by("pk")
    return [ListDefinition(*row) for row in lists.values_list("id", "code", "kind", "effect", "overrides_deny")]


def _rows(entries: Any) -> Iterator[EntryRow]:
    for pk, list_id, value, network, value_hash, expires_at, reason, removed_at in entries.iterator(chunk_size=FETCH):
        key = bytes(value_hash) if value_hash is not None else value or network
        ends = FOREVER if expires_at is None else event_time(expires_at)
        yield EntryRow(pk, list_id, key, bool(network), ends, reason, removed_at is None)
