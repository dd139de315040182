"""What was known of a payment on a date: kept by the database whatever wrote the label, and read again later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from apps.compliance.models import Tenant
from apps.fraud.events import LabelEvent
from apps.fraud.label_schema import FIRST_VERSIONS
from apps.fraud.models import FraudLabel, LabelVersion
from apps.fraud.selectors import attempts
from apps.fraud.selectors.label_history import LabelAsKnown, labels_as_known
from apps.fraud.services.history import features_export
from apps.fraud.services.labels import labels_record
from apps.payments.models import PaymentReference
from kivendtout.env import env_database
from tests.engine.oracle.worlds import make_world, store
from tests.factories import NOON, make_customer, make_payment
from tests.fraud.outages.servers import RedisServer

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("outages")]
DAY = timedelta(days=1)
LATER = NOON + timedelta(days=400)
SOURCES = ("chargeback", "analyst", "export")


def clock() -> datetime:
    """PostgreSQL's own, by which versions are recorded: each reading lies after all that was written before it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def tell(tenant: Tenant, *told: tuple[str, str, bool, datetime], pattern: str | None = None) -> None:
    events = [
        LabelEvent(label_id=f"L{n}", payment_id=payment, source=source, is_fraud=fraud, known_at=at, pattern=pattern)  # type: ignore[arg-type]
        for n, (payment, source, fraud, at) in enumerate(told)
    ]
    done = labels_record(tenant_id=tenant.pk, events=events, now=LATER)
    assert not done.rejected


def table_now() -> list[LabelAsKnown]:
    columns = ("payment__external_id", "source", "is_fraud", "pattern", "known_at")
    rows = FraudLabel.objects.order_by("known_at", "pk").values_list(*columns)
    return [LabelAsKnown(*row) for row in rows]


def a_telling(random: Random, payments: Sequence[str]) -> tuple[str, str, bool, datetime]:
    at = NOON + timedelta(days=10, hours=random.randrange(400))
    return random.choice(payments), random.choice(SOURCES), random.random() < 0.5, at


# --- a training set, again ------------------------------------------------------------------------------------------
def matrix(tenant: Tenant, path: Path, **on: datetime) -> bytes:
    features_export(tenant=tenant, path=path, **on)
    return path.read_bytes()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_training_set_is_rebuilt_to_the_byte_whatever_was_told_since(
    in_tenant: Tenant, own_redis: RedisServer, tmp_path: Path, seed: int
) -> None:
    random, world = Random(seed), make_world(seed)
    store(world, in_tenant)
    payments = sorted({event.payment_id for event in world.told})
    kept: list[tuple[datetime, bytes]] = []
    for _round in range(4):
        kept.append((clock(), matrix(in_tenant, tmp_path / "then.parquet")))
        tell(in_tenant, *(a_telling(random, payments) for _n in range(15)))
    assert len({content for _moment, content in kept}) == len(kept)  # each round changed the rows
    for moment, content in kept:
        assert matrix(in_tenant, tmp_path / "again.parquet", recorded_on=moment) == content


# --- the two readings -----------------------------------------------------------------------------------------------
@pytest.fixture
def payments(in_tenant: Tenant, own_redis: RedisServer) -> list[str]:
    customer = make_customer(in_tenant)
    return [make_payment(in_tenant, customer=customer, external_id=f"P{n}").reference.external_id for n in range(5)]


@pytest.mark.parametrize("seed", range(5))
def test_what_this_system_knew_is_the_table_as_it_stood(in_tenant: Tenant, payments: list[str], seed: int) -> None:
    random, kept = Random(seed), []
    for _step in range(12):
        kept.append((clock(), table_now()))
        if random.random() < 0.2:  # a correction past every service
            FraudLabel.objects.filter(source=random.choice(SOURCES)).update(is_fraud=random.random() < 0.5)
        told = [a_telling(random, payments) for _n in range(random.randrange(1, 6))]
        tell(in_tenant, *told, pattern=random.choice((None, "card_testing", "takeover")))
    for moment, table in kept:
        assert list(labels_as_known(in_tenant.pk, recorded_on=moment, chunk=random.randrange(1, 9))) == table
        ids = list(PaymentReference.objects.values_list("pk", flat=True))
        assert attempts.truths(in_tenant.pk, ids, recorded_on=moment) == _truths(table)
    assert list(labels_as_known(in_tenant.pk)) == table_now()


def _truths(table: Sequence[LabelAsKnown]) -> dict[int, attempts.Truth]:
    """Over sources as within one: the latest verdict, since the first of those that say the same."""
    numbers = dict(PaymentReference.objects.values_list("external_id", "pk"))
    told: dict[int, list[Telling]] = {}
    for one in table:
        told.setdefault(numbers[one.payment_id], []).append((one.known_at, one.is_fraud))
    known = {payment: world_knew(verdicts, LATER) for payment, verdicts in told.items()}
    return {payment: attempts.Truth(*verdict) for payment, verdict in known.items() if verdict}


Telling = tuple[datetime, bool]


def world_knew(told: Sequence[Telling], on: datetime) -> tuple[bool, datetime] | None:
    """By the words of the documentation: the latest verdict, since the first of those that say the same."""
    found: tuple[bool, datetime] | None = None
    for at, fraud in sorted(told):
        if at <= on and (found is None or found[0] != fraud):
            found = fraud, at
    return found


@pytest.mark.parametrize("seed", range(6))
def test_what_the_world_knew_does_not_depend_on_the_order_of_telling(
    in_tenant: Tenant, payments: list[str], seed: int
) -> None:
    """One history, told of each payment in another order and in other parts: each date gives one answer for all."""
    random = Random(seed)
    hours = random.sample(range(1, 200), 6)
    told = [(NOON + timedelta(hours=hour), random.random() < 0.5) for hour in hours]
    for payment in payments:
        order = random.sample(told, len(told))
        for part in parts(random, order):
            tell(in_tenant, *[(payment, "chargeback", fraud, at) for at, fraud in part])
    for hour in range(0, 210, 7):
        on = NOON + timedelta(hours=hour)
        expected = world_knew(told, on)
        found = {one.payment_id: (one.is_fraud, one.known_at) for one in labels_as_known(in_tenant.pk, known_on=on)}
        assert found == (dict.fromkeys(payments, expected) if expected else {})
        ids = list(PaymentReference.objects.values_list("pk", flat=True))
        assert {tuple(one) for one in attempts.truths(in_tenant.pk, ids, known_on=on).values()} == (
            {expected} if expected else set()
        )


def parts(random: Random, told: Sequence[Telling]) -> Iterator[Sequence[Telling]]:
    while told:
        size = random.randrange(1, 4)
        yield told[:size]
        told = told[size:]


def test_a_file_that_comes_late_is_known_early_and_recorded_late(in_tenant: Tenant, payments: list[str]) -> None:
    before = clock()
    tell(in_tenant, (payments[0], "chargeback", True, NOON + DAY))
    assert len(list(labels_as_known(in_tenant.pk, known_on=NOON + 2 * DAY))) == 1
    assert list(labels_as_known(in_tenant.pk, recorded_on=before)) == []
    assert list(labels_as_known(in_tenant.pk, known_on=NOON + 2 * DAY, recorded_on=before)) == []
    assert len(list(labels_as_known(in_tenant.pk, known_on=NOON + 2 * DAY, recorded_on=clock()))) == 1


@pytest.mark.parametrize("reading", ["as they stand", "known_on", "recorded_on"])
def test_a_fraud_that_another_source_confirms_stays_known_since_the_first(
    in_tenant: Tenant, payments: list[str], reading: str
) -> None:
    confirmed, denied_between, at_once = payments[:3]
    tell(in_tenant, (confirmed, "analyst", True, NOON + DAY), (confirmed, "chargeback", True, NOON + 30 * DAY))
    tell(in_tenant, (denied_between, "export", True, NOON + DAY), (denied_between, "analyst", False, NOON + 9 * DAY))
    tell(in_tenant, (denied_between, "chargeback", True, NOON + 30 * DAY))
    tell(in_tenant, (at_once, "export", True, NOON + DAY), (at_once, "analyst", False, NOON + 5 * DAY))
    tell(in_tenant, (at_once, "chargeback", True, NOON + 5 * DAY))
    on = {"as they stand": {}, "known_on": {"known_on": LATER}, "recorded_on": {"recorded_on": clock()}}[reading]
    ids = list(PaymentReference.objects.order_by("external_id").values_list("pk", flat=True))
    found = attempts.truths(in_tenant.pk, ids, **on)
    assert [found[pk] for pk in ids[:3]] == [(True, NOON + days * DAY) for days in (1, 30, 5)]


def test_a_verdict_that_turned_counts_as_it_stood_then(in_tenant: Tenant, payments: list[str]) -> None:
    tell(in_tenant, (payments[0], "chargeback", True, NOON + DAY))
    tell(in_tenant, (payments[0], "chargeback", False, NOON + 40 * DAY))
    [then] = attempts.labels_in_order(in_tenant.pk, known_on=NOON + 30 * DAY)
    [today] = attempts.labels_in_order(in_tenant.pk)
    assert (then.is_fraud, today.is_fraud) == (True, False)


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_pages_of_any_size_give_the_same_labels(in_tenant: Tenant, payments: list[str], chunk: int) -> None:
    random = Random(4)
    tell(in_tenant, *[a_telling(random, payments) for _n in range(40)])
    known_on = NOON + 20 * DAY
    whole = list(attempts.labels_in_order(in_tenant.pk, known_on=known_on))
    assert whole
    assert list(attempts.labels_in_order(in_tenant.pk, known_on=known_on, chunk=chunk)) == whole


def test_another_tenants_labels_are_in_no_reading(in_tenant: Tenant, neighbour: Tenant, payments: list[str]) -> None:
    tell(in_tenant, (payments[0], "chargeback", True, NOON + DAY))
    ids = list(PaymentReference.objects.values_list("pk", flat=True))
    for on in ({"known_on": LATER}, {"recorded_on": clock()}):
        assert list(labels_as_known(neighbour.pk, **on)) == []
        assert list(attempts.labels_in_order(neighbour.pk, **on)) == []
        assert attempts.truths(neighbour.pk, ids, **on) == {}


# --- what the database holds ----------------------------------------------------------------------------------------
def test_a_repeat_writes_no_version(in_tenant: Tenant, payments: list[str]) -> None:
    told = (payments[0], "chargeback", True, NOON + DAY)
    for _n in range(3):
        tell(in_tenant, told, told)
    assert LabelVersion.objects.count() == 1


def test_whatever_writes_a_label_leaves_its_version(in_tenant: Tenant, payments: list[str]) -> None:
    ids = PaymentReference.objects.values_list("pk", flat=True)
    FraudLabel.objects.bulk_create(
        FraudLabel(tenant=in_tenant, payment_id=pk, is_fraud=True, source="export", known_at=NOON) for pk in ids
    )
    FraudLabel.objects.update(pattern="takeover")
    FraudLabel.objects.update(pattern="takeover")  # says nothing new
    told = LabelVersion.objects.order_by("label", "pk").values_list("is_fraud", "pattern", "stood")
    assert list(told) == [(True, "", True), (True, "takeover", True)] * len(payments)


def test_a_small_change_does_not_make_a_large_one_compare_each_row_with_each() -> None:
    """The trigger's plan is kept from its first change on, and for one row a nested loop is the cheapest."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT proconfig FROM pg_proc WHERE proname = 'kvt_label_has_changed'")
        assert cursor.fetchall() == [(["enable_nestloop=off"],)]


def test_a_version_is_neither_edited_nor_deleted(in_tenant: Tenant, payments: list[str]) -> None:
    tell(in_tenant, (payments[0], "chargeback", True, NOON + DAY))
    with pytest.raises(IntegrityError, match="neither edited nor deleted"), transaction.atomic():
        LabelVersion.objects.update(is_fraud=False)
    with pytest.raises(IntegrityError, match="stays with its payment"), transaction.atomic():
        FraudLabel.objects.update(source="analyst")
    with pytest.raises(IntegrityError), transaction.atomic():
        FraudLabel.objects.all()._raw_delete("default")  # its versions point at it
    assert LabelVersion.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_applications_role_deletes_no_version(in_tenant: Tenant, payments: list[str]) -> None:
    tell(in_tenant, (payments[0], "chargeback", True, NOON + DAY))
    application = env_database("DATABASE_URL")
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT SELECT, DELETE ON fraud_labelversion TO {application['USER']}")
    with (
        psycopg.connect(
            host=application["HOST"],
            port=application["PORT"],
            user=application["USER"],
            password=application["PASSWORD"],
            dbname=connection.settings_dict["NAME"],
        ) as session,
        pytest.raises(psycopg.errors.CheckViolation, match="neither edited nor deleted"),
    ):
        session.execute("DELETE FROM fraud_labelversion")


def test_labels_of_before_get_a_first_version(in_tenant: Tenant, payments: list[str]) -> None:
    tell(in_tenant, (payments[0], "chargeback", True, NOON + DAY), (payments[1], "analyst", False, LATER))
    LabelVersion.objects.all()._raw_delete("default")
    with connection.cursor() as cursor:
        cursor.execute(FIRST_VERSIONS)
    found: list[Any] = list(LabelVersion.objects.order_by("label").values_list("is_fraud", "known_at", "recorded_at"))
    assert [one[:2] for one in found] == [(True, NOON + DAY), (False, LATER)]
    assert found[0][2] == NOON + DAY
    assert list(labels_as_known(in_tenant.pk)) == table_now()
