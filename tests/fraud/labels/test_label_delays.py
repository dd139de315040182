"""How long labels take: right where all have arrived, and not fooled by those that are still on their way."""

from __future__ import annotations

import io
import json
from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.core.management import call_command

from apps.compliance.models import Tenant
from apps.fraud.models import FraudLabel
from apps.fraud.selectors.label_delays import delays_of, label_delays
from tests.factories import NOON, make_customer, make_payment

DAY = timedelta(days=1)
LATER = NOON + 100 * DAY


def test_where_all_have_been_seen_long_enough_shares_are_plain_shares() -> None:
    found = delays_of({(1, 90): 5, (3, 90): 3, (10, 90): 1, (40, 90): 1})
    assert found.labels == 10
    assert found.share_after == pytest.approx({1: 0.5, 3: 0.8, 7: 0.8, 14: 0.9, 30: 0.9, 60: 1.0})
    assert (found.median, found.p90, found.horizon_days) == (1, 10, 90)


def test_labels_that_are_still_on_their_way_are_not_taken_for_never() -> None:
    """Half of the labels take 2 days and half take 20. Of young payments only the quick half has been seen."""
    found = delays_of({(2, 60): 50, (20, 60): 50, (2, 5): 500})
    assert found.share_after[3] == pytest.approx(0.5)  # counted plainly: 550 of 600
    assert (found.median, found.p90) == (2, 20)


@pytest.mark.parametrize("seed", range(5))
def test_the_estimate_comes_near_the_truth_whatever_the_ages(seed: int) -> None:
    random = Random(seed)
    truth = [random.choice((1, 2, 5, 9, 14, 25, 30)) for _n in range(6_000)]
    ages = [random.randrange(1, 61) for _n in truth]
    seen = Counter((delay, age) for delay, age in zip(truth, ages, strict=True) if delay <= age)
    found = delays_of(seen).share_after
    plain = sum(count for (delay, _age), count in seen.items() if delay <= 7) / seen.total()
    told = found[7]
    assert told is not None
    exact = sum(delay <= 7 for delay in truth) / len(truth)
    assert abs(told - exact) < 0.03 < plain - exact


def test_nothing_known_proposes_nothing() -> None:
    found = delays_of({})
    assert (found.labels, found.median, found.p90) == (0, None, None)
    assert set(found.share_after.values()) == {None}
    assert delays_of({(0, 0): 1}).p90 == 0


def test_one_old_payment_with_one_slow_label_does_not_decide_about_all_the_others() -> None:
    found = delays_of({(2, 30): 500, (300, 300): 1})
    assert (found.horizon_days, found.p90, found.share_after[3]) == (30, 2, 1.0)


def test_no_share_is_told_beyond_what_was_seen() -> None:
    assert delays_of({(1, 10): 4}).share_after == {1: 1.0, 3: 1.0, 7: 1.0, 14: None, 30: None, 60: None}


# --- from the tables ------------------------------------------------------------------------------------------------
@pytest.fixture
def labelled(in_tenant: Tenant) -> Tenant:
    """Thirty frauds: an analyst after a day, a chargeback after 20 days; and a genuine one."""
    customer = make_customer(in_tenant)
    for n in range(31):
        payment = make_payment(in_tenant, customer=customer, attempted_at=NOON + n * timedelta(hours=1))
        told = [("chargeback", 20, "takeover")] + ([("analyst", 1, "")] if n < 28 else [])
        for source, days, pattern in told:
            FraudLabel.objects.create(
                payment_id=payment.pk, source=source, is_fraud=n < 30, pattern=pattern,
                known_at=payment.attempted_at + days * DAY - timedelta(hours=1),
            )  # fmt: skip
    return in_tenant


@pytest.mark.django_db
def test_delays_are_told_per_source_and_kind_and_the_first_word_counts(labelled: Tenant, neighbour: Tenant) -> None:
    found = label_delays(labelled.pk, on=LATER)
    told = {(one.source, one.is_fraud, one.pattern): one.delays for one in found.groups}
    assert {key: (one.labels, one.median, one.p90) for key, one in told.items()} == {
        ("analyst", True, ""): (28, 1, 1),
        ("chargeback", True, ""): (30, 20, 20),
        ("chargeback", True, "takeover"): (30, 20, 20),
        ("chargeback", False, ""): (1, 20, 20),
    }
    assert (found.first.labels, found.first.share_after[1], found.proposed) == (30, pytest.approx(28 / 30), 1)
    assert label_delays(neighbour.pk, on=LATER).groups == []


@pytest.mark.django_db
def test_what_was_not_known_yet_does_not_count(labelled: Tenant) -> None:
    found = label_delays(labelled.pk, on=NOON + 10 * DAY)
    assert [(one.source, one.is_fraud) for one in found.groups] == [("analyst", True)]


@pytest.mark.django_db
def test_the_command_proposes_a_label_delay(labelled: Tenant) -> None:
    def said(*words: str) -> str:
        out = io.StringIO()
        call_command("label_delays", *words, stdout=out)
        return out.getvalue()

    told: dict[str, Any] = json.loads(said("--json", "--on", LATER.isoformat()))
    assert (told["label_delay_days"], told["first_fraud_label"]["share_after"]["3"]) == (
        1,
        pytest.approx(28 / 30, abs=1e-4),
    )
    assert "--label-delay 1" in said("--on", "2026-03-01")
    assert "too few to propose" in said("--on", "2025-12-01")
