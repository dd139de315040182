"""Roll-ups of behaviour say what a plain count of the stored events says, however the events came."""

from __future__ import annotations

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.compliance.models import Tenant
from apps.customers.models import BehaviourMark, BehaviourPeriod
from apps.customers.selectors.behaviour_counts import (
    DaySessions,
    ProductViews,
    StepCount,
    funnel_per_hour,
    sessions_per_day,
    top_products,
)
from apps.customers.services import behaviour, behaviour_counts
from apps.customers.services.behaviour import behaviour_record, behaviour_store
from apps.customers.services.behaviour_counts import STEPS, behaviour_count
from apps.customers.services.behaviour_periods import period_claim
from apps.customers.services.behaviour_recount import behaviour_recount
from apps.payments.events import BehaviourEvent
from kivendtout.lib.documents import DocumentStore, DocumentsUnavailable
from kivendtout.lib.tenancy import tenant_scope
from tests.documents.conftest import mongo_stand_in, store
from tests.ingestion.messages import behaviour_event

__all__ = ["mongo_stand_in", "store"]
pytestmark = pytest.mark.django_db
NOW = datetime(2025, 12, 10, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
START, END = datetime(2025, 11, 25, tzinfo=UTC), datetime(2025, 12, 11, tzinfo=UTC)
DAYS: dict[str, Any] = {"since": date(2025, 11, 1), "until": date(2025, 12, 31)}
# Midnight in Paris, and an ordinary afternoon.
LATE = datetime(2025, 12, 1, 22, 40, tzinfo=UTC)


@pytest.fixture(autouse=True)
def each_store(store: DocumentStore, monkeypatch: pytest.MonkeyPatch) -> DocumentStore:
    for module in (behaviour, behaviour_counts):
        monkeypatch.setattr(module, "document_store", lambda: store)
    monkeypatch.setattr("apps.customers.services.behaviour_recount.document_store", lambda: store)
    return store


def tell(tenant: Tenant, *events: BehaviourEvent) -> None:
    behaviour_store(tenant_id=tenant.pk, events=events)


def count(now: datetime = NOW) -> int:
    return behaviour_count(now=now, seconds=60).periods


def seen(n: int, **fields: Any) -> BehaviourEvent:
    return behaviour_event(**{"event_id": f"E{n}", "type": "product_view", "session_id": "S1", "at": LATE, **fields})


def steps(tenant: Tenant) -> dict[datetime, dict[str, StepCount]]:
    return {one.hour: one.steps for one in funnel_per_hour(tenant=tenant, since=START, until=END)}


def test_days_are_the_tenants_own(tenant: Tenant) -> None:
    tell(tenant, seen(1), seen(2, at=LATE + HOUR), seen(3, at=LATE + HOUR, session_id="S2"))
    count()
    # 23:40 in Paris, and 00:40 the day after.
    expected = [DaySessions(date(2025, 12, 1), 1), DaySessions(date(2025, 12, 2), 2)]
    assert sessions_per_day(tenant=tenant, **DAYS) == expected


def test_a_visit_counts_once_in_each_hour_and_step(tenant: Tenant) -> None:
    tell(
        tenant,
        *(seen(n) for n in range(3)),
        seen(4, session_id="S2"),
        seen(5, session_id=None),
        seen(6, type="begin_checkout"),
        seen(7, type="checkout_start"),
        seen(8, type="search"),
    )
    count()
    [(hour, told)] = steps(tenant).items()
    assert hour == LATE.replace(minute=0)
    assert told == {
        "page_view": StepCount(0, 0),
        "product_view": StepCount(5, 2),
        "add_to_cart": StepCount(0, 0),
        "checkout": StepCount(2, 1),
    }


def test_the_most_seen_products_come_first(tenant: Tenant) -> None:
    products = ["P1", "P2", "P2", "P3", "P2", "P3", None]
    tell(tenant, *(seen(n, product_id=one, at=LATE + n * HOUR) for n, one in enumerate(products)))
    tell(tenant, seen(99, type="add_to_cart", product_id="P9"))
    count()
    told = [ProductViews("P2", 3), ProductViews("P3", 2), ProductViews("P1", 1)]
    assert top_products(tenant=tenant, **DAYS) == told
    assert top_products(tenant=tenant, **DAYS, limit=1) == told[:1]


def test_another_tenants_visits_are_never_counted(tenant: Tenant, neighbour: Tenant) -> None:
    tell(neighbour, seen(1, product_id="P1"))
    tell(tenant, seen(2, session_id="S9"))
    count()
    assert sessions_per_day(tenant=tenant, **DAYS) == [DaySessions(date(2025, 12, 1), 1)]
    assert top_products(tenant=tenant, **DAYS) == []
    assert steps(neighbour)[LATE.replace(minute=0)]["product_view"] == StepCount(1, 1)


def test_a_late_event_is_counted_where_it_belongs(tenant: Tenant) -> None:
    tell(tenant, seen(1))
    count()
    tell(tenant, seen(2, at=LATE - 48 * HOUR, session_id="S2"))
    assert count() == 2, "its hour and its day, nothing else"
    assert [one.sessions for one in sessions_per_day(tenant=tenant, **DAYS)] == [1, 1]


def test_events_that_came_while_their_hour_was_counted_are_counted_again(
    tenant: Tenant, each_store: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(tenant, seen(1))

    def store_that_is_told_more() -> DocumentStore:
        monkeypatch.setattr(behaviour_counts, "document_store", lambda: each_store)
        found = each_store.tally("events", tenant.pk, "type", STEPS, different="session_id", since=START, until=END)
        tell(tenant, seen(2, session_id="S2"))

        class Former:
            tally = staticmethod(lambda *_args, **_more: found)

        return Former()  # type: ignore[return-value]

    monkeypatch.setattr(behaviour_counts, "_count_day", lambda _claimed: None)
    monkeypatch.setattr(behaviour_counts, "document_store", store_that_is_told_more)
    count()
    assert steps(tenant)[LATE.replace(minute=0)]["product_view"] == StepCount(1, 1)
    count(NOW + timedelta(minutes=1))
    assert steps(tenant)[LATE.replace(minute=0)]["product_view"] == StepCount(2, 2)


def test_a_count_that_was_overtaken_changes_nothing(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(tenant, seen(1))
    behaviour_count(now=NOW, seconds=0)  # folds the marks, counts nothing
    slow = period_claim(now=NOW)
    assert slow is not None
    later = NOW + timedelta(hours=1)
    count(later)
    tell(tenant, seen(2, session_id="S2"))
    behaviour_counts._count(slow, later, lambda: 0.0)
    stored = BehaviourPeriod._base_manager.get(pk=slow.id)
    assert (stored.counted, stored.claim) == (1, None)
    assert [one.sessions for one in sessions_per_day(tenant=tenant, **DAYS)] == [1], "as the other one counted it"


def test_two_that_count_at_once_take_different_periods(tenant: Tenant) -> None:
    tell(tenant, seen(1))
    behaviour_count(now=NOW, seconds=0)
    taken = [period_claim(now=NOW), period_claim(now=NOW)]
    assert {one.kind for one in taken if one} == {"hour", "day"}
    assert period_claim(now=NOW) is None
    assert period_claim(now=NOW + timedelta(hours=1)) is not None, "whoever took it has died"


def test_a_long_count_is_not_repeated_at_once(tenant: Tenant) -> None:
    tell(tenant, seen(1))
    ticks = iter(range(0, 10_000, 6))
    behaviour_count(now=NOW, seconds=1_000, clock=lambda: float(next(ticks)))  # six seconds each
    tell(tenant, seen(2))
    assert count(NOW + timedelta(seconds=59)) == 0
    assert count(NOW + timedelta(seconds=121)) == 2


def test_a_store_that_is_away_leaves_the_period_to_be_counted(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(tenant, seen(1))
    with monkeypatch.context() as broken:

        def away() -> DocumentStore:
            raise DocumentsUnavailable

        broken.setattr(behaviour_counts, "document_store", away)
        with pytest.raises(DocumentsUnavailable):
            count()
    assert count(NOW + timedelta(minutes=2)) == 2


def test_what_expires_from_the_store_stays_in_the_counts(tenant: Tenant, each_store: DocumentStore) -> None:
    tell(tenant, seen(1))
    count()
    afterwards = NOW + timedelta(days=900)
    each_store.expire(afterwards)
    tell(tenant, seen(2, session_id="S2"))  # two years late
    count(afterwards)
    assert sessions_per_day(tenant=tenant, **DAYS) == [DaySessions(date(2025, 12, 1), 1)]
    assert not BehaviourMark._base_manager.exists()


def test_a_worker_that_dies_before_the_mark_leaves_nothing_uncounted(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:

        def dies(**_told: object) -> None:
            raise OperationalError("the server closed the connection")

        broken.setattr(behaviour, "behaviour_mark", dies)
        with pytest.raises(DocumentsUnavailable):
            tell(tenant, seen(1))
    tell(tenant, seen(1))  # its offsets did not move, so the next worker reads it again
    count()
    assert sessions_per_day(tenant=tenant, **DAYS) == [DaySessions(date(2025, 12, 1), 1)]


def test_a_file_is_counted_like_a_topic(tenant: Tenant) -> None:
    document = {"id": "1", "at": LATE, "type": "page_view", "session_id": "S1", "product_id": None, "ip_hash": "ab"}
    assert behaviour_record(tenant_id=tenant.pk, documents=[document]).inserted == 1
    count()
    assert sessions_per_day(tenant=tenant, **DAYS) == [DaySessions(date(2025, 12, 1), 1)]


def test_a_recount_puts_right_what_the_counts_got_wrong(tenant: Tenant) -> None:
    tell(tenant, seen(1, product_id="P1"), seen(2, at=LATE + 5 * HOUR, session_id="S2"))
    with tenant_scope(tenant.pk):
        BehaviourMark.objects.all().delete()  # as if somebody had died between a store and its mark
    assert count() == 0
    assert behaviour_recount(tenant=tenant, now=NOW, since=None, until=None) > 0
    assert sum(one.sessions for one in sessions_per_day(tenant=tenant, **DAYS)) == 2
    tenant.time_zone = "Pacific/Auckland"
    tenant.save(update_fields=["time_zone"])
    behaviour_recount(tenant=tenant, now=NOW, since=None, until=None)
    assert sessions_per_day(tenant=tenant, **DAYS) == [DaySessions(date(2025, 12, 2), 2)]


def test_the_command_prints_the_counts_and_the_payments(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    tell(tenant, seen(1, product_id="P1"))
    asked = {"start": "2025-12-01", "end": "2025-12-02", "tenant": tenant.slug}
    call_command("behaviour_counts", json=True, recount=True, **asked)
    told = json.loads(capsys.readouterr().out)
    assert told["recounted"] == 25  # 24 hours and a day
    assert told["sessions_per_day"] == {"2025-12-01": 1}
    assert told["top_products"] == {"P1": 1}
    [hour] = told["funnel_per_hour"]
    assert hour["product_view"] == {"events": 1, "sessions": 1}
    assert hour["payment"] == {"events": 0, "sessions": 0}
    call_command("behaviour_counts", **asked)
    assert "2025-12-01          1" in capsys.readouterr().out


# --- any way of telling -----------------------------------------------------------------------------------------------
KINDS = ("page_view", "product_view", "add_to_cart", "checkout_start", "begin_checkout", "search")
told_events = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(KINDS),
        st.sampled_from(["S1", "S2", "S3", None]),
        st.sampled_from(["P1", "P2", None]),
        st.integers(0, 60 * 72),
    ),
    max_size=30,
)


def splits(events: list[BehaviourEvent], sizes: list[int]) -> Iterator[list[BehaviourEvent]]:
    while events:
        size = sizes.pop() if sizes else len(events)
        yield events[:size]
        events = events[size:]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=told_events, sizes=st.lists(st.integers(1, 6), max_size=8), again=st.integers(0, 30), order=st.randoms())
def test_any_order_repeats_and_splits_give_a_plain_recount(
    db: None, rows: list[Any], sizes: list[int], again: int, order: Any
) -> None:
    tenant = Tenant.objects.create(slug=f"t{uuid.uuid4().hex[:12]}", name="T")
    first: dict[str, BehaviourEvent] = {}
    for number, kind, session, product, minute in rows:
        at = START + timedelta(days=3, minutes=minute)
        event = seen(number, type=kind, session_id=session, product_id=product, at=at)
        first.setdefault(event.event_id, event)
    events = list(first.values())
    events += events[:again]
    order.shuffle(events)
    for n, some in enumerate(splits(events, sizes)):
        tell(tenant, *some)
        if n % 2:
            count()
    count(NOW + HOUR * 2)

    zone, days, views = ZoneInfo(tenant.time_zone), defaultdict(set), Counter[str]()
    hours: dict[datetime, dict[str, list[str | None]]] = defaultdict(lambda: defaultdict(list))
    for one in first.values():
        if one.session_id:
            days[one.at.astimezone(zone).date()].add(one.session_id)
        if one.type == "product_view" and one.product_id:
            views[one.product_id] += 1
        for step, kinds in STEPS.items():
            if one.type in kinds:
                hours[one.at.replace(minute=0)][step].append(one.session_id)
    assert {one.day: one.sessions for one in sessions_per_day(tenant=tenant, **DAYS)} == {
        day: len(some) for day, some in days.items()
    }
    assert {one.product: one.views for one in top_products(tenant=tenant, **DAYS)} == views
    nothing = dict.fromkeys(STEPS, StepCount())
    assert steps(tenant) == {
        hour: nothing | {step: StepCount(len(some), len({*some} - {None})) for step, some in told.items()}
        for hour, told in hours.items()
    }
