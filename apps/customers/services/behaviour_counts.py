"""Counts behaviour anew where it changed: visits and products of a day, the funnel of an hour.

Nothing is added up as events come: a period is counted from the store, so repeats, late events and crashes cannot make
a number wrong. A long count is rarely repeated, so that a busy shop's day does not keep the store busy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from time import monotonic
from typing import Any, Final

from django.db import connection, transaction

from apps.customers.models import FunnelHour, FunnelStep, PeriodKind, ProductDay, SessionDay
from apps.customers.services.behaviour import EVENTS
from apps.customers.services.behaviour_periods import Claimed, marks_fold, oldest_counted, period_claim
from kivendtout.lib.documents import document_store
from kivendtout.lib.tenancy import tenant_scope

SEEN: Final = "product_view"
# Event types of each step, as shops name them.
STEPS: Final = {
    FunnelStep.PAGE_VIEW.value: ("page_view",),
    FunnelStep.PRODUCT_VIEW.value: (SEEN,),
    FunnelStep.ADD_TO_CART.value: ("add_to_cart",),
    FunnelStep.CHECKOUT.value: ("checkout_start", "begin_checkout"),
}
# A period is left alone for ten times as long as its count took, so counting it takes a tenth of a core at most.
REST: Final = 10
LONGEST_REST: Final = timedelta(hours=1)
# After the store did not answer.
AWAY: Final = timedelta(minutes=1)
# Rows of products written at once.
ROWS: Final = 2_000
# A product's own id is no longer than this; what is longer is none.
MOST_PRODUCT: Final = 64

_COUNTED: Final = """
UPDATE customers_behaviourperiod
   SET counted = %s, counted_at = %s, not_before = %s, claim = NULL, claimed_until = NULL
 WHERE id = %s AND claim = %s
"""
_LEFT: Final = """
UPDATE customers_behaviourperiod SET claim = NULL, claimed_until = NULL, not_before = %s WHERE id = %s AND claim = %s
"""


@dataclass
class Counted:
    marks: int = 0
    periods: int = 0


class _Overtaken(Exception):
    """The count took longer than its claim, and somebody else has the period: what we wrote is taken back."""


def behaviour_count(
    *, now: datetime, seconds: float, tenant_id: int | None = None, clock: Callable[[], float] = monotonic
) -> Counted:
    """Counts what is due, for about so long. Any number of processes may do so at once."""
    ends = clock() + seconds
    done = Counted(marks=marks_fold(now=now))
    while clock() < ends and (claimed := period_claim(now=now, tenant_id=tenant_id)):
        _count(claimed, now, clock)
        done.periods += 1
    return done


def _count(claimed: Claimed, now: datetime, clock: Callable[[], float]) -> None:
    began = clock()
    try:
        with transaction.atomic(), tenant_scope(claimed.tenant_id):
            # Events of older periods have begun to expire; their counts stay.
            if claimed.starts_at >= oldest_counted(now):
                (_count_hour if claimed.kind == PeriodKind.HOUR else _count_day)(claimed)
            rest = min(timedelta(seconds=(clock() - began) * REST), LONGEST_REST)
            # Last, so that nobody waits for the row while the store counts.
            if not _update(_COUNTED, [claimed.changes, now, now + rest, claimed.id, claimed.claim]):
                raise _Overtaken
    except _Overtaken:
        return
    except Exception:
        _update(_LEFT, [now + AWAY, claimed.id, claimed.claim])
        raise


def _update(sql: str, values: list[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return bool(cursor.rowcount)


def _count_hour(claimed: Claimed) -> None:
    told = document_store().tally(
        EVENTS,
        claimed.tenant_id,
        "type",
        STEPS,
        different="session_id",
        since=claimed.starts_at,
        until=claimed.ends_at,
    )
    FunnelHour.objects.filter(hour=claimed.starts_at).delete()
    FunnelHour.objects.bulk_create(
        FunnelHour(
            tenant_id=claimed.tenant_id,
            hour=claimed.starts_at,
            step=step,
            events=one.documents,
            sessions=one.different,
        )
        for step, one in told.items()
        if one.documents
    )


def _count_day(claimed: Claimed) -> None:
    assert claimed.day is not None
    store, period = document_store(), {"since": claimed.starts_at, "until": claimed.ends_at}
    sessions = store.count_different(EVENTS, claimed.tenant_id, "session_id", **period)
    SessionDay.objects.filter(day=claimed.day).delete()
    if sessions:
        SessionDay.objects.create(tenant_id=claimed.tenant_id, day=claimed.day, sessions=sessions)
    ProductDay.objects.filter(day=claimed.day).delete()
    seen = store.count_values(EVENTS, claimed.tenant_id, "product_id", filters={"type": SEEN}, **period)
    rows = _products(claimed.tenant_id, claimed.day, seen)
    while some := list(islice(rows, ROWS)):
        ProductDay.objects.bulk_create(some)


def _products(tenant_id: int, day: date, seen: Iterator[tuple[str, int]]) -> Iterator[ProductDay]:
    for product, views in seen:
        if 0 < len(product) <= MOST_PRODUCT:
            yield ProductDay(tenant_id=tenant_id, day=day, product=product, views=views)
