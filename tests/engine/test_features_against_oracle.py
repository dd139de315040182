"""Every feature of every payment equals what SQL over the stored rows says, whatever came in when, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis
from msgspec.structs import replace

from apps.compliance.models import Tenant
from apps.fraud.engine import rates
from apps.fraud.engine.event import Facts
from apps.fraud.engine.features import visit
from apps.fraud.engine.features.catalogue import CATALOGUE, FEATURES, compute_row
from apps.fraud.selectors.facts import label_facts, payment_facts
from apps.fraud.services.feature_state import state_rebuild
from apps.fraud.state.feature_state import FeatureState
from apps.fraud.state.keys import MOST_VERDICTS
from apps.fraud.state.layout import LabelFacts
from apps.fraud.state.redis_state import RedisState
from apps.payments.models import PaymentReference
from tests.engine.conftest import SPACE, connect
from tests.engine.oracle.compare import differences, newest_at_merchants
from tests.engine.oracle.rows import Row, oracle_rows
from tests.engine.oracle.worlds import make_world, store

SEEDS = range(6)


@pytest.fixture(autouse=True)
def _one_currency_has_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each currency that we take today has one; the next one may not."""
    monkeypatch.delitem(rates.REFERENCE_RATES, "XOF")
    monkeypatch.delitem(rates._PER_EURO, "XOF")


def stored(tenant: Tenant, seed: int, **options: Any) -> tuple[list[Facts], list[LabelFacts], dict[str, Row]]:
    store(make_world(seed, **options), tenant)
    ids = PaymentReference.objects.order_by("external_id").values_list("pk", flat=True)
    labels = [label for _place, chunk in label_facts(tenant.pk) for label in chunk]
    facts = payment_facts(tenant.pk, list(ids))
    assert len(facts) == len(ids)
    return facts, labels, oracle_rows(tenant.pk)


def in_order(facts: Sequence[Facts]) -> list[Facts]:
    return sorted(facts, key=lambda one: (one.at, sha256(one.payment_id.encode()).digest()[:8]))


def faults_of_all(
    state: FeatureState, tenant: Tenant, facts: Sequence[Facts], rows: dict[str, Row], space: int = SPACE
) -> list[str]:
    newest = newest_at_merchants(facts)
    return [
        fault
        for one, history in zip(facts, state.look(space, facts), strict=True)
        for fault in differences(
            one,
            compute_row(one, history, ZoneInfo(tenant.time_zone)),
            rows[one.payment_id],
            newest=newest[one.merchant],
        )
    ]


def observe_in_pieces(state: FeatureState, messages: Sequence[Facts | LabelFacts], random: Random) -> None:
    """Single ones and batches, payments and labels as they come."""
    rest, now = list(messages), max(one.at for one in messages if isinstance(one, Facts))
    while rest:
        many = random.choice((1, 1, 2, 7))
        piece, rest = rest[:many], rest[many:]
        tell = random.choice((state.observe, getattr(state, "remember", state.observe)))  # the same, unanswered
        tell(SPACE, [one for one in piece if isinstance(one, Facts)], now=now)
        state.label(SPACE, [one for one in piece if isinstance(one, LabelFacts)], now=now)


@pytest.mark.parametrize("seed", SEEDS)
def test_in_the_order_of_time_each_feature_is_what_sql_says(in_tenant: Tenant, state: FeatureState, seed: int) -> None:
    facts, labels, rows = stored(in_tenant, seed)
    waiting = sorted(labels, key=lambda label: label.known_at)
    faults = []
    for one in in_order(facts):
        while waiting and waiting[0].known_at <= one.at:
            state.label(SPACE, [waiting.pop(0)], now=one.at)
        history = state.observe(SPACE, [one], now=one.at)[0]
        faults += differences(one, compute_row(one, history, ZoneInfo(in_tenant.time_zone)), rows[one.payment_id])
    assert faults == []


@pytest.mark.parametrize("seed", SEEDS)
def test_in_any_order_each_feature_is_what_sql_says(in_tenant: Tenant, state: FeatureState, seed: int) -> None:
    facts, labels, rows = stored(in_tenant, seed)
    random = Random(seed)
    messages: list[Facts | LabelFacts] = [*facts, *labels]
    random.shuffle(messages)
    observe_in_pieces(state, messages, random)
    assert faults_of_all(state, in_tenant, facts, rows) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_repeats_and_results_in_any_order_change_no_feature(in_tenant: Tenant, state: FeatureState, seed: int) -> None:
    facts, labels, rows = stored(in_tenant, seed)
    random = Random(seed)
    messages: list[Facts | LabelFacts] = [*labels, *labels]
    for one in facts:
        messages += [replace(one, status="pending"), one] * random.choice((2, 3))
    random.shuffle(messages)
    observe_in_pieces(state, messages, random)
    assert faults_of_all(state, in_tenant, facts, rows) == []


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_eight_scorers_of_one_customer_at_once_lose_nothing(
    in_tenant: Tenant, redis_client: redis.Redis, seed: int
) -> None:
    facts, labels, rows = stored(in_tenant, seed, payments=160, customers=1, labelled=0.15)
    assert len(labels) <= MOST_VERDICTS["customer"]
    random = Random(seed)
    messages: list[Facts | LabelFacts] = [*facts, *facts, *labels, *(replace(one, status="pending") for one in facts)]
    random.shuffle(messages)

    def score(n: int) -> None:
        client = connect()
        observe_in_pieces(RedisState(client), messages[n::8], Random(n))
        client.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(score, range(8)))
    assert faults_of_all(RedisState(redis_client), in_tenant, facts, rows) == []


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_a_rebuild_beside_payments_that_go_on_ends_with_what_sql_says(
    in_tenant: Tenant, redis_client: redis.Redis, seed: int
) -> None:
    facts, labels, rows = stored(in_tenant, seed)
    state, end = RedisState(redis_client), in_order(facts)[-1].at
    state.observe(in_tenant.pk, Random(seed).sample(facts, 20), now=end)
    state.label(in_tenant.pk, labels[:5], now=end)
    now = datetime.fromtimestamp(end // 1_000_000, UTC)
    rebuilt = state_rebuild(tenant_id=in_tenant.pk, now=now, state=state)
    assert (rebuilt.payments, rebuilt.labels) == (len(facts), len(labels))
    assert faults_of_all(state, in_tenant, facts, rows, space=in_tenant.pk) == []


def test_the_oracle_answers_for_exactly_the_catalogue(in_tenant: Tenant) -> None:
    facts, _labels, rows = stored(in_tenant, 0)
    assert len(rows) == len(facts)
    for row in rows.values():
        assert row.keys() == CATALOGUE.keys()


def test_the_worlds_leave_no_feature_at_one_value(in_tenant: Tenant, neighbour: Tenant) -> None:
    """A feature that never changes would be compared for nothing."""
    met: dict[str, set[object]] = {feature.name: set() for feature in FEATURES}
    for seed, tenant in enumerate((in_tenant, neighbour)):
        store(make_world(seed), tenant)
        for row in oracle_rows(tenant.pk).values():
            for name, value in row.items():
                met[name].add(value)
    # Visits have worlds of their own, in test_visits.py.
    of_visits = {feature.name for feature in visit.FEATURES}
    assert [name for name, values in met.items() if len(values) < 2 and name not in of_visits] == []
