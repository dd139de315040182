"""The state that histories are replayed through answers as MemoryState does, overflowing logs and verdicts included."""

from __future__ import annotations

from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from apps.fraud.engine.event import Facts, short_key
from apps.fraud.engine.features.catalogue import compute_row
from apps.fraud.state import keys
from apps.fraud.state.history_state import HistoryState
from apps.fraud.state.layout import LabelFacts
from apps.fraud.state.memory_state import MemoryState

PARIS = ZoneInfo("Europe/Paris")
MINUTE = 60_000_000
BEGIN = 1_764_547_200_000_000
STEPS = (0, 1, MINUTE, 10 * MINUTE, 60 * MINUTE, 24 * 60 * MINUTE, 8 * 24 * 60 * MINUTE)


def facts(random: Random, n: int, at: int) -> Facts:
    cents = random.choice((None, 0, 999, 123_456))
    return Facts(
        payment_id=f"P{n}", customer=random.choice("ab"), at=at, amount=9.99, currency="EUR", euro_cents=cents,
        method="card", status=random.choice(("pending", "success", "failed")), device=random.choice(("d", "e", None)),
        card=random.choice(("k", None)), ip=random.choice(("i", "j", None)), merchant=random.choice(("m", "n", None)),
        payment_country=random.choice(("FR", "BE", None)),
    )  # fmt: skip


def told(random: Random, payments: int) -> list[Facts | LabelFacts]:
    """In the order of time; now and then a payment is told again with a result, or is judged."""
    at, messages, known = BEGIN, [], []
    for n in range(payments):
        at += random.choice(STEPS)
        known.append(facts(random, n, at))
        messages.append(known[-1])
        if random.random() < 0.3:
            messages.append(replace(random.choice(known), status=random.choice(("success", "failed"))))
        if random.random() < 0.3:
            one = random.choice(known)
            messages.append(
                LabelFacts(
                    payment_id=one.payment_id, customer=one.customer, device=one.device, card=one.card,
                    merchant=one.merchant, known_at=at, is_fraud=random.random() < 0.6,
                )
            )  # fmt: skip
    return messages


def rows(state: MemoryState | HistoryState, messages: list[Facts | LabelFacts]) -> list[list[object]]:
    """Of payments told in the order of time; of one told again only the effect on those after it counts."""
    found, newest = [], 0
    for one in messages:
        if isinstance(one, LabelFacts):
            state.label(7, [one], now=one.known_at)
            continue
        [history] = state.observe(7, [one], now=one.at)
        if one.at >= newest:
            newest, other = one.at, replace(one, payment_id=one.payment_id + "?")
            found.append(list(compute_row(one, history, PARIS)))
            [history] = state.look(7, [other])
            found.append(list(compute_row(other, history, PARIS)))
    return found


def replayed(state: HistoryState, messages: list[Facts | LabelFacts]) -> list[list[object]]:
    """The rows above, as a replay asks: before each payment is told."""
    found, newest = [], 0
    for one in messages:
        if isinstance(one, LabelFacts):
            state.label(7, [one], now=one.known_at)
            continue
        row = list(compute_row(one, state.before(7, one), PARIS))
        state.add(7, one)
        if one.at >= newest:
            newest, other = one.at, replace(one, payment_id=one.payment_id + "?")
            found += [row, list(compute_row(other, state.look(7, [other])[0], PARIS))]
    return found


@given(seed=st.integers(0, 2**32), payments=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_asked_before_a_payment_is_told_it_answers_as_the_memory_that_scores(seed: int, payments: int) -> None:
    messages = told(Random(seed), payments)
    assert replayed(HistoryState(), messages) == rows(MemoryState(), messages)


@given(seed=st.integers(0, 2**32), payments=st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_it_gives_the_same_rows_as_the_memory_that_scores(seed: int, payments: int) -> None:
    messages = told(Random(seed), payments)
    assert rows(HistoryState(), messages) == rows(MemoryState(), messages)


@pytest.mark.parametrize("seed", range(8))
def test_it_folds_long_logs_and_drops_old_verdicts_at_the_same_moment(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    for owner in keys.MOST_ROWS:
        monkeypatch.setitem(keys.MOST_ROWS, owner, 12)
        monkeypatch.setitem(keys.KEPT_ROWS, owner, 6)
    for owner in keys.MOST_VERDICTS:
        monkeypatch.setitem(keys.MOST_VERDICTS, owner, 4)
    messages = told(Random(seed), 150)
    quick, slow = HistoryState(), MemoryState()
    assert rows(quick, messages) == rows(slow, messages)
    assert any(log.folded.count for log in quick.logs["customer"].values())
    assert replayed(HistoryState(), messages) == rows(MemoryState(), messages)


def test_another_tenants_payments_are_not_looked_at() -> None:
    state, one = HistoryState(), facts(Random(1), 1, BEGIN)
    state.observe(1, [one], now=BEGIN)
    [history] = state.look(2, [one])
    assert history.customer.rows == []
    assert state.look(1, [one])[0].customer.rows[0][1] == short_key("P1")
