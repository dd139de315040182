"""Each process keeps its tenants' rule sets compiled and asks PostgreSQL, twice a second at most, which is in force."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from django.db import connection
from django.db.utils import Error
from django.utils.translation import gettext_noop

from apps.fraud.engine.features.catalogue import INDEX
from apps.fraud.engine.ruleset import NO_RULES, CompiledRuleSet
from apps.fraud.models import ActiveRuleSet, RuleSet
from kivendtout.lib.errors import NotFound, ServiceUnavailable
from kivendtout.lib.tenancy import tenant_scope

log = structlog.get_logger(__name__)
# With this, and what a change and a question take, a change is everywhere within a second.
EVERY: Final = 0.5
# Snapshots kept beside those in force, for replaying decisions: a few hundred kilobytes each at most.
KEPT: Final = 32


class RuleSetNotLoaded(ServiceUnavailable):
    """Not the same as a tenant without rules: the process cannot tell, so rules count as down. Its cause says why."""

    code = "rule_set_not_loaded"
    message = gettext_noop("The rule set could not be read yet. Try again shortly.")


class RuleSetUnknown(NotFound):
    code = "rule_set_unknown"
    message = gettext_noop("There is no rule set #%(number)s. Check the number.")


class _Held:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ruleset: CompiledRuleSet | None = None
        self.version = -1
        self.asked_at = 0.0
        self.failure: Exception | None = None


class RuleSetMemory:
    """Call it outside the transaction that changes rules: one that is rolled back must not have been read.

    A tenant that never had a rule set gets `NO_RULES`, number 0, which hits nothing.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, every: float = EVERY) -> None:
        self._clock = clock
        self._every = every
        self._held: dict[int, _Held] = {}
        self._numbered: OrderedDict[tuple[int, int], CompiledRuleSet] = OrderedDict()
        self._numbered_lock = threading.Lock()

    def current(self, tenant_id: int) -> CompiledRuleSet:
        held = self._held.get(tenant_id) or self._held.setdefault(tenant_id, _Held())
        ruleset = held.ruleset
        if ruleset is not None and self._clock() - held.asked_at < self._every:
            return ruleset
        # Who already has a rule set does not wait for who is asking; who has none must.
        if not held.lock.acquire(blocking=ruleset is None):
            assert ruleset is not None
            return ruleset
        try:
            return self._ask(held, tenant_id)
        finally:
            held.lock.release()

    def numbered(self, tenant_id: int, number: int, index: Mapping[str, int] = INDEX) -> CompiledRuleSet:
        """Any snapshot, for a replay. Rows of another catalogue need its `index`; those are compiled each time."""
        if number == 0:
            return NO_RULES
        key = (tenant_id, number)
        with self._numbered_lock:
            if index is INDEX and (known := self._numbered.get(key)) is not None:
                self._numbered.move_to_end(key)
                return known
        ruleset = _load(tenant_id, number, index)
        if index is INDEX:
            with self._numbered_lock:
                self._numbered[key] = ruleset
                while len(self._numbered) > KEPT:
                    self._numbered.popitem(last=False)
        return ruleset

    def _ask(self, held: _Held, tenant_id: int) -> CompiledRuleSet:
        now = self._clock()
        if now - held.asked_at >= self._every or (held.ruleset is None and held.failure is None):
            self._try(held, tenant_id)
            held.asked_at = now
        if held.ruleset is None:
            raise RuleSetNotLoaded from held.failure
        return held.ruleset

    def _try(self, held: _Held, tenant_id: int) -> None:
        """Whatever fails, the rule set that was in force stays: decisions name the one that they used."""
        try:
            self._refresh(held, tenant_id)
            held.failure = None
        except Exception as error:
            if type(held.failure) is not type(error):
                log.error("rule_set_kept_as_it_was", tenant=tenant_id, had_one=held.ruleset is not None, exc_info=True)
            held.failure = error
            if isinstance(error, Error) and not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()

    def _refresh(self, held: _Held, tenant_id: int) -> None:
        with tenant_scope(tenant_id):
            found = ActiveRuleSet.objects.values_list("version", "ruleset__number").first()
        version, number = found or (0, 0)
        if held.ruleset is None or version != held.version:
            held.ruleset = self.numbered(tenant_id, number)
            held.version = version


def _load(tenant_id: int, number: int, index: Mapping[str, int]) -> CompiledRuleSet:
    with tenant_scope(tenant_id):
        row = RuleSet.objects.filter(number=number).values_list("content", "name").first()
    if row is None:
        raise RuleSetUnknown(RuleSetUnknown.message, number=number)
    return CompiledRuleSet(row[0], index, number=number, name=row[1])
