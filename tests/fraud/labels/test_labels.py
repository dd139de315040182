"""Verdicts on payments: recorded once, told to feature state, and whole again after an outage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.compliance.models import AuditEntry, Tenant
from apps.customers.models import Customer
from apps.fraud.engine.features.catalogue import FEATURES, compute_row
from apps.fraud.events import LabelEvent
from apps.fraud.models import FraudLabel, Outbox, StateDebt
from apps.fraud.selectors.facts import payment_facts
from apps.fraud.services.feature_state import state_check, state_rebuild
from apps.fraud.services.labels import LabelResult, labels_record
from apps.fraud.state.breaker import PAUSE_SECONDS
from apps.fraud.state.live_state import live_state
from apps.fraud.stream.labels import labels_of_batch
from apps.payments.models import PaymentReference
from tests.engine.oracle.rows import oracle_rows
from tests.factories import NOON, make_customer, make_payment
from tests.fraud.labels.conftest import NOW
from tests.fraud.outages.servers import RedisServer

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("outages")]
Verdict = Callable[..., LabelEvent]
OF_VERDICTS = [n for n, feature in enumerate(FEATURES) if "fraud" in feature.name]


def record(tenant: Tenant, *events: LabelEvent, **more: Any) -> LabelResult:
    return labels_record(tenant_id=tenant.pk, events=events, now=NOW, **more)


def stored() -> list[tuple[str, str, bool]]:
    return list(FraudLabel.objects.order_by("pk").values_list("payment__external_id", "source", "is_fraud"))


def disagreements(tenant: Tenant) -> list[str]:
    """Where features about verdicts, as Redis has them, differ from what the oracle finds in the tables."""
    ids = list(PaymentReference.objects.values_list("pk", flat=True))
    facts, oracle = payment_facts(tenant.pk, ids), oracle_rows(tenant.pk)
    histories = live_state().look(tenant.pk, facts)
    assert histories is not None
    wrong = []
    for one, history in zip(facts, histories, strict=True):
        row = compute_row(one, history, ZoneInfo(tenant.time_zone))
        expected = oracle[one.payment_id]
        wrong += [
            f"{one.payment_id} {FEATURES[n].name}: state {row[n]}, oracle {expected[FEATURES[n].name]}"
            for n in OF_VERDICTS
            if row[n] != expected[FEATURES[n].name]
        ]
    return wrong


def known_frauds(tenant: Tenant) -> list[int]:
    rows = oracle_rows(tenant.pk)
    return [rows[payment]["customer_frauds"] for payment in sorted(rows)]


def test_a_verdict_is_recorded_once_however_often_it_is_told(
    in_tenant: Tenant, payments: list[str], verdict: Verdict
) -> None:
    event = verdict(payments[0], pattern="card_testing")
    first = record(in_tenant, event, event)
    assert (first.new_at, first.repeated) == ([1], 1)
    again = record(in_tenant, event, verdict(payments[0], known_at=NOON + timedelta(days=5)))
    assert (again.new_at, again.changed_at, again.repeated) == ([], [], 2)
    [label] = FraudLabel.objects.all()
    assert (label.is_fraud, label.pattern, label.known_at) == (True, "card_testing", event.known_at)
    assert first.labels == [label.pk]


def test_sources_have_a_verdict_each(in_tenant: Tenant, payments: list[str], verdict: Verdict) -> None:
    done = record(in_tenant, verdict(payments[0]), verdict(payments[0], False, source="analyst"))
    assert done.new_at == [0, 1]
    assert stored() == [(payments[0], "analyst", False), (payments[0], "chargeback", True)]


def test_features_know_of_a_verdict_from_then_on(in_tenant: Tenant, payments: list[str], verdict: Verdict) -> None:
    record(in_tenant, verdict(payments[0]))
    assert known_frauds(in_tenant) == [0, 0, 1, 1]
    assert disagreements(in_tenant) == []


def test_a_verdict_that_turns_stands_and_what_it_was_is_in_the_audit_trail(
    in_tenant: Tenant, payments: list[str], verdict: Verdict
) -> None:
    record(in_tenant, verdict(payments[0]))
    later = NOON + timedelta(days=2, hours=12)
    done = record(in_tenant, verdict(payments[0], False, known_at=later))

    assert (done.new_at, done.changed_at) == ([], [0])
    [label] = FraudLabel.objects.all()
    assert (label.is_fraud, label.known_at) == (False, later)
    [entry] = AuditEntry.objects.filter(object_id=label.pk, content_type__model="fraudlabel")
    assert entry.changes["is_fraud"] == ["True", "False"]
    assert entry.changes["known_at"][0] == (NOON + timedelta(days=1, hours=12)).isoformat()
    assert known_frauds(in_tenant) == [0, 0, 0, 0]


def test_an_older_verdict_does_not_stand_above_a_newer_one(
    in_tenant: Tenant, payments: list[str], verdict: Verdict
) -> None:
    record(in_tenant, verdict(payments[0], False, known_at=NOON + timedelta(days=5)))
    assert record(in_tenant, verdict(payments[0])).repeated == 1
    assert stored() == [(payments[0], "chargeback", False)]


def test_the_kind_of_fraud_may_be_told_later_and_the_fraud_stays_known_since_then(
    in_tenant: Tenant, payments: list[str], verdict: Verdict
) -> None:
    first = verdict(payments[0])
    record(in_tenant, first)
    later = verdict(payments[0], pattern="stolen_card", known_at=NOON + timedelta(days=5))
    assert record(in_tenant, later).changed_at == [0]
    assert record(in_tenant, later).repeated == 1
    [label] = FraudLabel.objects.all()
    assert (label.pattern, label.known_at) == ("stolen_card", first.known_at)


def test_of_two_verdicts_of_a_batch_the_later_known_stands(
    in_tenant: Tenant, payments: list[str], verdict: Verdict
) -> None:
    later = verdict(payments[0], False, known_at=NOON + timedelta(days=3))
    done = record(in_tenant, later, verdict(payments[0]))
    assert (done.new_at, done.repeated) == ([0], 1)
    assert stored() == [(payments[0], "chargeback", False)]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"payment": "NOBODY'S"}, "payment_id NOBODY'S is not a known payment."),
        ({"customer_id": "C-other"}, "belongs to another customer."),
        ({"known_at": NOON - timedelta(microseconds=1)}, "known_at lies before the payment was attempted."),
        ({"known_at": NOW + timedelta(days=2)}, "known_at lies more than a day ahead."),
    ],
)
def test_what_cannot_be_is_refused_by_sentence_and_holds_nobody_up(
    in_tenant: Tenant, payments: list[str], verdict: Verdict, fields: dict[str, Any], said: str
) -> None:
    wrong = verdict(fields.pop("payment", payments[0]), **fields)
    done = record(in_tenant, wrong, verdict(payments[1]))
    assert (done.rejected_at, done.new_at) == ([0], [1])
    assert said in done.rejected[0][1]
    assert stored() == [(payments[1], "chargeback", True)]


def test_a_verdict_may_overtake_its_payment_and_waits_for_it(
    in_tenant: Tenant, payments: list[str], verdict: Verdict
) -> None:
    event = verdict("PAY-later")
    assert record(in_tenant, event, verdict(payments[0]), wait_for_payments=True).early_at == [0]
    make_payment(in_tenant, external_id="PAY-later")
    assert record(in_tenant, event, wait_for_payments=True).new_at == [0]


def test_a_neighbours_payment_is_nobody_known(
    in_tenant: Tenant, neighbour: Tenant, payments: list[str], verdict: Verdict
) -> None:
    make_payment(neighbour, external_id="THEIRS", customer=make_customer(neighbour))
    done = record(in_tenant, verdict("THEIRS"))
    assert done.rejected[0][1].startswith("payment_id THEIRS is not a known payment.")
    assert stored() == []


def test_only_what_begins_here_is_told_to_the_topic(in_tenant: Tenant, payments: list[str], verdict: Verdict) -> None:
    event = verdict(payments[0], source="analyst")
    record(in_tenant, verdict(payments[1]))
    assert not Outbox.objects.filter(topic="labels").exists()
    record(in_tenant, event, publish=True)
    record(in_tenant, event, publish=True)
    [row] = Outbox.objects.filter(topic="labels")
    [(key, value, _trace)] = msgspec.msgpack.decode(bytes(row.messages))
    assert key == payments[0]
    assert msgspec.json.decode(value, type=LabelEvent) == event


def test_many_verdicts_take_as_many_statements_as_one(in_tenant: Tenant, payments: list[str], verdict: Verdict) -> None:
    customer = Customer.objects.get()
    made = [make_payment(in_tenant, customer=customer, external_id=f"M{n}") for n in range(60)]
    with CaptureQueriesContext(connection) as one:
        record(in_tenant, verdict(payments[0]))
    with CaptureQueriesContext(connection) as many:
        assert len(record(in_tenant, *[verdict(f"M{n}") for n in range(len(made))]).new_at) == 60
    assert len(many) <= len(one)


def test_the_stream_hears_what_became_of_each(in_tenant: Tenant, payments: list[str], verdict: Verdict) -> None:
    reads = [
        SimpleNamespace(message=one)
        for one in (verdict(payments[0]), verdict("EARLY"), verdict(payments[1], customer_id="C-other"))
    ]
    done = labels_of_batch(in_tenant.pk, reads, now=NOW, wait=True)
    assert (done.early, [n for n, _said in done.dead]) == ([1], [2])
    assert dict(done.counts) == {"recorded": 1, "repeated": 0}
    late = labels_of_batch(in_tenant.pk, reads, now=NOW, wait=False)
    assert (late.early, [n for n, _said in late.dead], late.counts["repeated"]) == ([], [1, 2], 1)


# --- Redis away -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["frozen", "killed"])
def test_verdicts_that_came_while_redis_was_away_are_known_when_it_is_back(
    in_tenant: Tenant, payments: list[str], verdict: Verdict, own_redis: RedisServer, how: str
) -> None:
    time = [0.0]
    live_state().breaker.clock = lambda: time[0]
    with getattr(own_redis, how)():
        record(in_tenant, verdict(payments[0]), verdict(payments[1], False))
        assert StateDebt.objects.count() == 2
        assert state_check(tenant_id=in_tenant.pk, now=NOW) is None
    time[0] += PAUSE_SECONDS + 0.1

    state_check(tenant_id=in_tenant.pk, now=NOW)

    assert StateDebt.objects.count() == 0
    assert known_frauds(in_tenant) == [0, 0, 1, 1]
    assert disagreements(in_tenant) == []


def test_a_verdict_that_turned_while_redis_was_away_is_told_as_it_stands(
    in_tenant: Tenant, payments: list[str], verdict: Verdict, own_redis: RedisServer
) -> None:
    time = [0.0]
    live_state().breaker.clock = lambda: time[0]
    with own_redis.frozen():
        record(in_tenant, verdict(payments[0]))
        record(in_tenant, verdict(payments[0], False, known_at=NOON + timedelta(days=2)))
    time[0] += PAUSE_SECONDS + 0.1
    state_check(tenant_id=in_tenant.pk, now=NOW)
    assert known_frauds(in_tenant) == [0, 0, 0, 0]
    assert disagreements(in_tenant) == []


def test_a_rebuild_knows_of_them_too(in_tenant: Tenant, payments: list[str], verdict: Verdict) -> None:
    record(in_tenant, verdict(payments[0]), verdict(payments[1], source="analyst"))
    live_state().state.client.flushall()
    state_rebuild(tenant_id=in_tenant.pk, now=NOW)
    assert disagreements(in_tenant) == []
