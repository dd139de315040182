"""Feature state is Redis's copy of what PostgreSQL knows: told again after it was away, rebuilt after it lost all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

import msgspec
import redis
import structlog
from django.db import connection, transaction

from apps.fraud.models import StateDebt
from apps.fraud.selectors.facts import facts_in_order, label_facts, payment_facts
from apps.fraud.selectors.labels import labels_facts
from apps.fraud.state.breaker import Away
from apps.fraud.state.keys import rebuild_key, rebuilding_key, warm_key
from apps.fraud.state.live_state import live_state
from apps.fraud.state.redis_state import RedisState
from kivendtout.lib.clock import EPOCH, event_time
from kivendtout.lib.tenancy import tenant_scope

# A tenant this young is learnt while its payment waits: a matter of milliseconds.
SMALL: Final = 500
# A bigger one is left to the job; whether it has become small again need not be asked for each payment.
ASK_AGAIN_SECONDS: Final = 5.0
DEBTS: Final = 1_000
Progress = Callable[[int, int], None]
_asked: dict[int, float] = {}

log = structlog.get_logger(__name__)


@dataclass
class Rebuilt:
    payments: int = 0
    labels: int = 0
    resumed: bool = False


class _Place(msgspec.Struct):
    """How far a rebuild has come, kept in Redis itself: if Redis forgets it, there is nothing to resume."""

    at: datetime = EPOCH
    payment: int = 0
    label: int = 0
    payments: int = 0
    labels: int = 0


class _Forgotten(Exception):
    """The place went while a rebuild was on its way: Redis lost its memory, or a history was loaded meanwhile."""


def state_rebuild(
    *,
    tenant_id: int,
    now: datetime,
    state: RedisState | None = None,
    afresh: bool = False,
    progress: Progress | None = None,
) -> Rebuilt:
    """Tell Redis the tenant's whole history, in order. May be stopped and resumed; payments may come meanwhile."""
    redis_state = state or live_state().state
    client, key = redis_state.client, rebuild_key(tenant_id)
    kept: Any = None if afresh else client.get(key)
    place = msgspec.json.decode(kept, type=_Place) if kept else _Place()
    if not kept:
        client.set(key, msgspec.json.encode(place))
    try:
        with tenant_scope(tenant_id):
            _payments(redis_state, tenant_id, place, now, progress)
            _labels(redis_state, tenant_id, place, now, progress)
        if not redis_state.rebuilt(tenant_id):
            raise _Forgotten
    except _Forgotten:
        if not redis_state.is_warm(tenant_id):  # else another rebuild has just ended
            return state_rebuild(tenant_id=tenant_id, now=now, state=state, afresh=True, progress=progress)
    return Rebuilt(place.payments, place.labels, resumed=bool(kept))


def _payments(state: RedisState, tenant_id: int, place: _Place, now: datetime, progress: Progress | None) -> None:
    chunks = facts_in_order(tenant_id, after=place.at, after_id=place.payment, until=datetime.max.replace(tzinfo=UTC))
    for (at, payment), facts in chunks:
        state.remember(tenant_id, facts, now=event_time(now))
        place.at, place.payment = at, payment
        place.payments += len(facts)
        _note(state, tenant_id, place, progress)


def _labels(state: RedisState, tenant_id: int, place: _Place, now: datetime, progress: Progress | None) -> None:
    for label, labels in label_facts(tenant_id, after=place.label):
        state.label(tenant_id, labels, now=event_time(now))
        place.label = label
        place.labels += len(labels)
        _note(state, tenant_id, place, progress)


def _note(state: RedisState, tenant_id: int, place: _Place, progress: Progress | None) -> None:
    if not state.client.set(rebuild_key(tenant_id), msgspec.json.encode(place), xx=True):
        raise _Forgotten
    if progress:
        progress(place.payments, place.labels)


def state_learn_if_small(*, tenant_id: int, now: datetime) -> bool:
    """For a tenant with hardly any history, such as a new one. True when feature state can now be asked."""
    if monotonic() < _asked.get(tenant_id, 0.0):
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM payments_paymentreference WHERE tenant_id = %s LIMIT %s) few",
            [tenant_id, SMALL + 1],
        )
        count = cursor.fetchone()[0]
    if count > SMALL:
        _asked[tenant_id] = monotonic() + ASK_AGAIN_SECONDS
        return False
    try:
        live_state().call(lambda: state_rebuild(tenant_id=tenant_id, now=now, afresh=True))
    except Away:  # just now; the payment is decided all the same
        return False
    return True


def state_is_whole(tenant_id: int) -> bool:
    """False while Redis is owed something: it answers, but does not know of every payment."""
    live = live_state()
    if tenant_id in live.trusted:
        return True
    doubts = live.doubts
    if StateDebt.objects.filter(tenant_id=tenant_id).exists():
        return False
    live.trust(tenant_id, doubts=doubts)
    return True


def state_forget(*, tenant_id: int) -> None:
    """What state knows is no longer the whole history. Decisions say so until it is rebuilt, within seconds."""
    client = live_state().state.client
    try:
        client.delete(warm_key(tenant_id), rebuild_key(tenant_id))
    except redis.RedisError as error:
        # Empty when it comes back, or else somebody must say so: the loader's words end in a log, not on a screen.
        log.warning("state_not_told", tenant=tenant_id, error=type(error).__name__, then="rebuild_state --afresh")


def state_owe(*, tenant_id: int, payments: Sequence[int], now: datetime) -> None:
    """In the transaction that recorded them: what Redis has not heard is not forgotten."""
    StateDebt.objects.bulk_create(
        [StateDebt(tenant_id=tenant_id, payment_id=pk, since=now) for pk in dict.fromkeys(payments)]
    )
    # Whoever looked for debts before this was committed did not see it.
    transaction.on_commit(live_state().doubt)


def state_repay(*, tenant_id: int, now: datetime) -> int:
    """Tell Redis what it is owed. A row goes once Redis has it; SKIP LOCKED lets several processes help."""
    told = 0
    while True:
        with tenant_scope(tenant_id), transaction.atomic():
            # Claimed rather than read: two processes at once would only do the same work twice.
            debts = list(StateDebt.objects.select_for_update(skip_locked=True).order_by("pk")[:DEBTS])
            if not debts:
                return told
            payments = [debt.payment_id for debt in debts]
            facts = payment_facts(tenant_id, payments)
            # A verdict that Redis has not heard is owed as its payment is: both are told, and what it knows is no harm.
            labels = labels_facts(tenant_id, payments=payments)
            if not live_state().observe(tenant_id, facts, now=event_time(now)).remembered:
                return told
            if not live_state().label(tenant_id, labels, now=event_time(now)):
                return told
            StateDebt.objects.filter(pk__in=[debt.pk for debt in debts]).delete()
            told += len(debts)


def state_check(*, tenant_id: int, now: datetime) -> int | None:
    """What a job does every few seconds: pay debts, and rebuild what was lost. None while Redis is away."""
    warm = live_state().is_warm(tenant_id)
    if warm is None:
        return None
    repaid = state_repay(tenant_id=tenant_id, now=now)
    # One process at a time; the lock ends by itself if that process does.
    lock = live_state().state.client.lock(rebuilding_key(tenant_id), timeout=60)
    if not warm and lock.acquire(blocking=False):
        try:
            rebuilt = state_rebuild(tenant_id=tenant_id, now=now, progress=lambda *_: lock.extend(60, replace_ttl=True))
            return repaid + rebuilt.payments
        finally:
            lock.release()
    return repaid
