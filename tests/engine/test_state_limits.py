"""What feature state does at its limits: too many verdicts, too many payments, events that come very late."""

from __future__ import annotations

from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis

from apps.fraud.engine.event import Facts, short_key
from apps.fraud.engine.features.catalogue import FEATURES, compute_row
from apps.fraud.engine.features.feature import Value
from apps.fraud.state.feature_state import FeatureState
from apps.fraud.state.keys import KEPT_ROWS, MOST_ROWS, MOST_VERDICTS, log_key
from apps.fraud.state.layout import LabelFacts
from apps.fraud.state.redis_state import RedisState
from tests.engine.conftest import SPACE

SECOND = 1_000_000
DAY = 86_400 * SECOND
AT = 1_760_000_000 * SECOND


def paid(n: int, *, at: int, **fields: Any) -> Facts:
    values = {"customer": "C", "amount": 10.0, "currency": "EUR", "euro_cents": 1000, "method": "card", **fields}
    return Facts(payment_id=f"P{n}", at=at, **values)


def features(state: FeatureState, facts: Facts) -> dict[str, Value]:
    row = compute_row(facts, state.look(SPACE, [facts])[0], ZoneInfo("Europe/Paris"))
    return {feature.name: value for feature, value in zip(FEATURES, row, strict=True)}


def test_of_too_many_verdicts_the_newest_stay_whatever_came_first(state: FeatureState) -> None:
    most = MOST_VERDICTS["customer"]
    labels = [
        LabelFacts(payment_id=f"P{n}", customer="C", known_at=AT + n * SECOND, is_fraud=n >= 10)
        for n in range(most + 10)
    ]
    Random(1).shuffle(labels)
    state.label(SPACE, labels, now=AT + DAY)
    assert features(state, paid(0, at=AT + DAY))["customer_frauds"] == most


def test_a_repeated_verdict_pushes_no_other_out(state: FeatureState) -> None:
    one = LabelFacts(payment_id="P1", customer="C", known_at=AT, is_fraud=True)
    other = LabelFacts(payment_id="P2", customer="C", known_at=AT + 1, is_fraud=True)
    state.label(SPACE, [one, *[other] * MOST_VERDICTS["customer"] * 2], now=AT + DAY)
    assert features(state, paid(0, at=AT + DAY))["customer_frauds"] == 2


def test_a_later_verdict_stands_above_an_earlier_one_that_arrives_after_it(state: FeatureState) -> None:
    fraud = LabelFacts(payment_id="P1", customer="C", known_at=AT, is_fraud=True)
    cleared = LabelFacts(payment_id="P1", customer="C", known_at=AT + 1, is_fraud=False)
    state.label(SPACE, [cleared, fraud], now=AT + DAY)
    assert features(state, paid(0, at=AT))["customer_frauds"] == 1
    assert features(state, paid(0, at=AT + 1))["customer_frauds"] == 0


def test_what_a_busy_customer_did_long_ago_still_counts_where_no_window_is_meant(state: FeatureState) -> None:
    many = MOST_ROWS["customer"] * 2 + 50
    for n in range(many):
        first = {"device": "old", "ip": "old", "merchant": "old", "payment_country": "BE"} if n == 0 else {}
        cents = 100 * (n + 1)
        one = paid(n, at=AT + n * SECOND, euro_cents=cents, status="success", **first)
        state.observe(SPACE, [one], now=one.at)
    told = {"device": "old", "ip": "new", "merchant": "old", "payment_country": "BE"}
    now = features(state, paid(many, at=AT + many * SECOND, **told))
    assert (now["previous_payments"], now["previous_successes"], now["first_payment"]) == (many, many, False)
    assert now["customer_amount_mean"] == pytest.approx((many + 1) / 2)
    assert now["customer_amount_std"] == pytest.approx(((many**2 - 1) / 12) ** 0.5)
    assert (now["new_device"], now["new_ip"], now["new_country"], now["first_at_merchant"]) == (
        False,
        True,
        False,
        False,
    )
    assert now["seconds_since_device_seen"] == many
    # Windows count up to what is kept one by one.
    assert KEPT_ROWS["customer"] <= int(now["customer_attempts_1h"] or 0) - 1 <= MOST_ROWS["customer"]


def test_an_event_older_than_what_was_folded_changes_nothing(state: FeatureState) -> None:
    many = MOST_ROWS["customer"] + 10
    for n in range(many):
        state.observe(SPACE, [paid(n, at=AT + n * SECOND)], now=AT + n * SECOND)
    probe = paid(many, at=AT + many * SECOND)
    before = features(state, probe)
    state.observe(SPACE, [paid(9999, at=AT - DAY), paid(0, at=AT)], now=AT + many * SECOND)
    assert features(state, probe) == before


def test_a_late_payment_shortens_no_life(redis_client: redis.Redis) -> None:
    state, newest = RedisState(redis_client), AT + 70 * DAY
    state.observe(SPACE, [paid(1, at=newest, merchant="M", device="D", ip="I")], now=newest)
    keys = [log_key(SPACE, owner, short_key(name)) for owner, name in (
        ("customer", "C"), ("device", "D"), ("ip", "I"), ("merchant", "M"),
    )]  # fmt: skip
    lives = [redis_client.ttl(key) for key in keys]
    state.observe(SPACE, [paid(2, at=AT, merchant="M", device="D", ip="I")], now=newest)
    assert [redis_client.ttl(key) >= life - 60 for key, life in zip(keys, lives, strict=True)] == [True] * 4
