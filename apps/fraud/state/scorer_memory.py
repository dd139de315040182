"""Each process keeps its tenants' scorers loaded and asks PostgreSQL, twice a second at most, which are in force."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from django.db import connection
from django.db.utils import Error
from django.utils.translation import gettext_noop

from apps.fraud.engine.features.catalogue import INDEX
from apps.fraud.models import ActiveScorer, ScorerArtefact
from apps.fraud.models import Scorer as ScorerRow
from apps.fraud.scorers.artefact import ArtefactRefused, ScorerMismatch
from apps.fraud.scorers.scorer import Scorer
from apps.fraud.scorers.trained import Operating
from kivendtout.lib.errors import KvtError, NotFound
from kivendtout.lib.tenancy import tenant_scope

log = structlog.get_logger(__name__)
# With this, and what loading takes, a promotion is everywhere within a second.
EVERY: Final = 0.5
# Loaded beside those in force, for replays and explanations; some megabytes each.
KEPT: Final = 8
# A scorer that could not be loaded is tried again then: what was short may be there again, and a try costs a payment
# some ten milliseconds.
AGAIN: Final = 30.0
# What trying again would not change.
LASTING: Final = (ArtefactRefused, ScorerMismatch)


class ScorerUnknown(NotFound):
    code = "scorer_unknown"
    message = gettext_noop("There is no scorer #%(number)s. Check the number.")


@dataclass(frozen=True, slots=True)
class Loaded:
    id: int
    version: str
    scorer: Scorer


@dataclass(frozen=True, slots=True)
class InForce:
    """What decides: read as one row, so no decision mixes two of them.

    `failure` says why there is no champion although one is in force.
    """

    champion: Loaded | None = None
    operating: Operating | None = None
    shadows: tuple[Loaded, ...] = ()
    failure: str = ""
    failed_id: int | None = None
    """The scorer that could not be loaded."""
    again: bool = False
    """A scorer is missing, the champion or one on trial, that may load when it is tried again."""


NONE: Final = InForce()


class _Held:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.found: InForce | None = None
        self.version = -1
        self.asked_at = 0.0
        self.loaded_at = 0.0
        self.failure: type[BaseException] | None = None


class ScorerMemory:
    """Call it outside the transaction that changes scorers: one that is rolled back must not have been read."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, every: float = EVERY) -> None:
        self._clock = clock
        self._every = every
        self._held: dict[int, _Held] = {}
        self._numbered: OrderedDict[tuple[int, int], Loaded] = OrderedDict()
        self._numbered_lock = threading.Lock()

    def current(self, tenant_id: int) -> InForce:
        """The last known when PostgreSQL does not answer; without any, as if no scorer were in force but failing."""
        held = self._held.get(tenant_id) or self._held.setdefault(tenant_id, _Held())
        found = held.found
        if found is not None and self._clock() - held.asked_at < self._every:
            return found
        # Who already has one does not wait for who is loading the next; who has none must.
        if not held.lock.acquire(blocking=found is None):
            assert found is not None
            return found
        try:
            return self._ask(held, tenant_id)
        finally:
            held.lock.release()

    def numbered(self, tenant_id: int, number: int, index: Mapping[str, int] = INDEX) -> Loaded:
        """Any scorer, for a replay or an explanation. Rows of another catalogue need its `index`."""
        key = (tenant_id, number)
        with self._numbered_lock:
            if index is INDEX and (known := self._numbered.get(key)) is not None:
                self._numbered.move_to_end(key)
                return known
        loaded = _load(tenant_id, number, index)
        if index is INDEX:
            with self._numbered_lock:
                self._numbered[key] = loaded
                while len(self._numbered) > KEPT:
                    self._numbered.popitem(last=False)
        return loaded

    def _ask(self, held: _Held, tenant_id: int) -> InForce:
        now = self._clock()
        if held.found is None or now - held.asked_at >= self._every:
            try:
                held.found = self._refresh(held, tenant_id)
                held.failure = None
            except Exception as error:
                if held.failure is not type(error):
                    log.error("scorer_kept_as_it_was", tenant=tenant_id, had_one=held.found is not None, exc_info=True)
                held.failure = type(error)
                if isinstance(error, Error) and not connection.in_atomic_block:
                    connection.close_if_unusable_or_obsolete()
                held.found = held.found or InForce(failure=type(error).__name__)
            held.asked_at = now
        return held.found

    def _refresh(self, held: _Held, tenant_id: int) -> InForce:
        with tenant_scope(tenant_id):
            row = (
                ActiveScorer.objects.select_related("scorer")
                .only("version", "shadows", "challenge", "deny", "weight", "alone_deny", "scorer__number")
                .first()
            )
        if row is None:
            held.version = 0
            return NONE
        now = self._clock()
        again = held.found is not None and held.found.again and now - held.loaded_at >= AGAIN
        if held.found is None or held.version != row.version or again:
            found = self._in_force(tenant_id, row)
            held.version, held.loaded_at = row.version, now
            return found
        return held.found

    def _in_force(self, tenant_id: int, row: Any) -> InForce:
        tried = [self._shadow(tenant_id, number) for number in row.shadows]
        shadows = tuple(one for one in tried if isinstance(one, Loaded))
        again = any(isinstance(one, Exception) and not isinstance(one, LASTING) for one in tried)
        if row.scorer is None:
            return InForce(shadows=shadows, again=again)
        try:
            champion = self.numbered(tenant_id, row.scorer.number)
        except Error:
            raise  # PostgreSQL is away: what was in force stays
        except Exception as error:
            log.error("scorer_not_loaded", tenant=tenant_id, scorer=row.scorer.number, exc_info=True)
            again = again or not isinstance(error, LASTING)
            return InForce(shadows=shadows, failure=_said(error), failed_id=row.scorer.pk, again=again)
        operating = Operating(challenge=row.challenge, deny=row.deny, weight=row.weight, alone_deny=row.alone_deny)
        return InForce(champion, operating, shadows, again=again)

    def _shadow(self, tenant_id: int, number: int) -> Loaded | Exception:
        try:
            return self.numbered(tenant_id, number)
        except Error:
            raise
        except Exception as error:
            log.error("shadow_scorer_not_loaded", tenant=tenant_id, scorer=number, exc_info=True)
            return error


def _said(error: Exception) -> str:
    return error.message if isinstance(error, KvtError) else type(error).__name__


def _load(tenant_id: int, number: int, index: Mapping[str, int]) -> Loaded:
    with tenant_scope(tenant_id):
        row = ScorerRow.objects.filter(number=number).only("pk", "number", "digest").first()
        if row is None:
            raise ScorerUnknown(ScorerUnknown.message, number=number)
        content = ScorerArtefact.objects.filter(scorer=row).values_list("content", flat=True).first() or b""
    scorer = Scorer(bytes(content), digest=row.digest, index=None if index is INDEX else index)
    return Loaded(row.pk, row.version, scorer)


scorer_memory = ScorerMemory()
