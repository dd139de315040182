"""What a customer may be told: what it was about, and nothing by which to do it better next time."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.engine.outcome import Outcome
from apps.fraud.scorers.customer_text import (
    _CATEGORY,
    MOST,
    REASONS,
    SECURITY,
    categories_of_features,
    category_of,
    letter,
)
from apps.fraud.scorers.families import FAMILY

# What would tell of a limit, of how it is counted, or of somebody else.
GIVEAWAYS = re.compile(r"\d|%|€|règle|rule|liste?\b|score|modèle|scorer|seuil|threshold|client|customer|frau|merchant|"
                       r"marchand|_", re.IGNORECASE)  # fmt: skip


def test_all_that_can_be_said_gives_nothing_away() -> None:
    texts = [text for one in REASONS.values() for text in (one.fr, one.en)]
    for outcome in (Outcome.CHALLENGE, Outcome.DENY):
        whole = letter(outcome, dict.fromkeys(REASONS, 1.0))
        texts += [whole.fr, whole.en]
    found = [(text, match[0]) for text in texts if (match := GIVEAWAYS.search(text))]
    assert found == []
    assert not any(name in text for name in CATALOGUE if "_" in name for text in texts)


def test_each_kind_of_fact_is_filed_under_something_that_can_be_said() -> None:
    assert set(_CATEGORY.values()) | {SECURITY} <= set(REASONS)
    assert set(_CATEGORY) <= set(FAMILY.values())


def test_what_is_known_of_others_of_frauds_or_of_merchants_is_a_security_check() -> None:
    for name in ("device_customers_7d", "ip_customers_1h", "card_frauds", "customer_frauds", "merchant_fraud_rate_30d",
                 "merchant_failures_1h", "ip_attempts_10m", "of_tomorrow"):  # fmt: skip
        assert category_of(name) == SECURITY, name


def test_windows_of_one_count_are_told_alike() -> None:
    assert {category_of(f"card_attempts_{one}") for one in ("10m", "1h", "30d")} == {"quick_succession"}


def test_a_rule_is_told_by_what_it_looks_at() -> None:
    assert categories_of_features(["new_device", "new_ip", "amount_eur"], 0.4) == {
        "new_device": 0.2,
        "unusual_purchase": 0.2,
    }


def test_the_weightiest_few_are_told() -> None:
    weights = {"unusual_time": 0.1, "new_device": 0.5, "unusual_place": 0.3, "little_known": 0.2, "unusual_visit": 0.0}
    assert [one.code for one in letter(Outcome.DENY, weights).reasons] == [
        "new_device",
        "unusual_place",
        "little_known",
    ]


def test_when_nothing_can_be_said_it_was_a_security_check() -> None:
    assert [one.code for one in letter(Outcome.DENY, {}).reasons] == [SECURITY]


def test_of_an_allowed_payment_there_is_nothing_to_tell() -> None:
    assert letter(Outcome.ALLOW, {"new_device": 1.0}).fr == ""


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([Outcome.CHALLENGE, Outcome.DENY]),
    st.dictionaries(st.sampled_from(sorted(CATALOGUE)), st.floats(-1, 1), max_size=12),
)
def test_whatever_weighed_the_letter_is_made_of_the_few_sentences(outcome: Outcome, weighed: dict[str, float]) -> None:
    weights: dict[str, float] = {}
    for name, weight in weighed.items():
        weights |= categories_of_features([name], weight)
    told = letter(outcome, weights)
    assert 1 <= len(told.reasons) <= MOST
    assert GIVEAWAYS.search(told.fr) is None and GIVEAWAYS.search(told.en) is None
