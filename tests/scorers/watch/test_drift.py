"""Distributions then and now, as numbers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.fraud.scorers.artefact import Column
from apps.fraud.scorers.drift import FEWEST_ROWS, baseline_of, bin_names, compare, edges_of

NUMBER = (Column("amount", "number"),)
BOTH = (Column("amount", "number"), Column("country", "text", values=("FR", "DE")))
ROWS = 4_000
SHAPES = ("normal", "counts", "rare flag", "money", "mostly its highest", "constant")


def drawn(shape: str, seed: int, rows: int = ROWS) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    values = {
        "normal": lambda: rng.normal(0, 1, rows),
        "counts": lambda: rng.poisson(2, rows),
        "rare flag": lambda: rng.random(rows) < 0.03,
        "money": lambda: rng.lognormal(3, 1, rows),
        "mostly its highest": lambda: np.minimum(rng.exponential(50, rows), 5),
        "constant": lambda: np.full(rows, 7),
    }[shape]()
    return np.asarray(values, dtype=np.float32)[:, None]


def scores(seed: int, rows: int = ROWS) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).beta(1, 30, rows)


@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 10_000))
def test_the_same_distribution_drawn_twice_has_not_shifted(shape: str, seed: int) -> None:
    baseline = baseline_of(drawn(shape, seed), NUMBER, scores(seed))
    found = compare(baseline, drawn(shape, seed + 1), NUMBER, scores(seed + 1))
    assert found.features["amount"].psi is not None and found.features["amount"].psi < 0.03
    assert found.score.psi is not None and found.score.psi < 0.03


@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 10_000), missing=st.floats(0, 0.9))
def test_the_very_same_rows_have_not_changed_at_all(shape: str, seed: int, missing: float) -> None:
    rows = drawn(shape, seed)
    rows[: int(missing * ROWS)] = np.nan
    baseline = json.loads(json.dumps(baseline_of(rows, NUMBER, scores(seed))))
    found = compare(baseline, rows, NUMBER, scores(seed))
    assert found.features["amount"].psi == pytest.approx(0, abs=1e-6) and found.score.psi == 0
    assert found.features["amount"].missing == found.features["amount"].missing_before


@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 10_000), up=st.booleans())
def test_a_shift_is_seen_in_both_directions(shape: str, seed: int, up: bool) -> None:
    then, now = drawn(shape, seed), drawn(shape, seed + 1)
    by = {"rare flag": 1.0, "money": 30.0, "counts": 2.0}.get(shape, 1.0) * (1 if up else -1)
    found = compare(baseline_of(then, NUMBER, scores(seed)), now + by, NUMBER, scores(seed))
    assert found.features["amount"].psi is not None and found.features["amount"].psi > 0.2


@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 10_000))
def test_a_feature_that_stops_arriving_has_shifted(shape: str, seed: int) -> None:
    now = drawn(shape, seed)
    now[: ROWS // 4] = np.nan
    found = compare(baseline_of(drawn(shape, seed), NUMBER, scores(1)), now, NUMBER, scores(1))
    assert found.features["amount"].psi is not None and found.features["amount"].psi > 0.2
    assert (found.features["amount"].missing_before, found.features["amount"].missing) == (0, 0.25)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=300))
def test_there_are_at_most_ten_bins_and_each_value_falls_into_one(values: list[float]) -> None:
    edges = edges_of(np.array(values))
    assert len(edges) <= 9 and (np.diff(edges) > 0).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=50), st.integers(0, 20))
def test_shares_and_what_is_missing_make_a_whole(values: list[int], missing: int) -> None:
    rows = np.array([*values, *[np.nan] * missing], dtype=np.float32)[:, None]
    kept = baseline_of(rows, NUMBER, np.zeros(len(rows)))["features"]["amount"]
    assert sum(kept["shares"]) + kept["missing"] == pytest.approx(1, abs=1e-5)


def texts(*shares: float, rows: int = ROWS) -> np.ndarray[Any, Any]:
    codes = np.repeat([0, 1, 2, np.nan], [int(share * rows) for share in shares]).astype(np.float32)
    return np.column_stack([np.zeros(len(codes), dtype=np.float32), codes])


def test_a_text_is_compared_by_its_values_and_others_count_together() -> None:
    baseline = baseline_of(texts(0.6, 0.2, 0.1, 0.1), BOTH, np.zeros(ROWS))
    assert baseline["features"]["country"] == {
        "values": ["FR", "DE"], "shares": [0.6, 0.2], "other": 0.1, "missing": 0.1
    }  # fmt: skip
    same = compare(baseline, texts(0.6, 0.2, 0.1, 0.1), BOTH, np.zeros(ROWS)).features["country"]
    moved = compare(baseline, texts(0.3, 0.2, 0.4, 0.1), BOTH, np.zeros(ROWS)).features["country"]
    assert same.psi == 0 and moved.psi is not None and moved.psi > 0.5


def test_a_value_that_nobody_paid_with_before_does_not_weigh_without_limit() -> None:
    baseline = baseline_of(texts(0.7, 0.3, 0.0, 0.0), BOTH, np.zeros(ROWS))
    found = compare(baseline, texts(0.69, 0.3, 0.01, 0.0), BOTH, np.zeros(ROWS)).features["country"]
    assert found.psi is not None and 0.01 < found.psi < 0.05


def test_with_too_few_rows_nothing_is_said_of_a_shift() -> None:
    rows = drawn("normal", 1)
    baseline = baseline_of(rows, NUMBER, scores(1))
    few = compare(baseline, rows[: FEWEST_ROWS - 1] + 9, NUMBER, scores(1)[: FEWEST_ROWS - 1])
    assert not few.enough and few.score.psi is None and few.features["amount"].psi is None
    assert few.rows == FEWEST_ROWS - 1
    enough = compare(baseline, rows[:FEWEST_ROWS] + 9, NUMBER, scores(1)[:FEWEST_ROWS])
    assert enough.enough and enough.features["amount"].psi is not None and enough.features["amount"].psi > 0.2


def test_a_day_without_payments_is_no_shift() -> None:
    baseline = baseline_of(drawn("normal", 1), NUMBER, scores(1))
    found = compare(baseline, np.empty((0, 1), np.float32), NUMBER, np.empty(0))
    assert not found.enough and found.features["amount"].psi is None


def test_what_the_baseline_does_not_have_is_left_out() -> None:
    baseline = baseline_of(drawn("normal", 1), NUMBER, scores(1))
    assert set(compare(baseline, texts(1.0, 0, 0, 0), BOTH, scores(1)).features) == {"amount"}


def kept_of(values: list[float]) -> dict[str, Any]:
    rows = np.array(values, dtype=np.float32)[:, None]
    found: dict[str, Any] = baseline_of(rows, NUMBER, np.zeros(len(rows)))["features"]["amount"]
    return found


def test_each_share_says_what_it_is_of() -> None:
    assert bin_names(kept_of([0.0, 1.0]), whole=True) == ["< 0", "0", "1", "> 1"]
    assert bin_names(kept_of([0.0, 2.0, 5.0]), whole=True) == ["< 0", "0", "1 – 2", "3 – 5", "> 5"]
    assert bin_names(kept_of([7.0])) == ["< 7", "7", "> 7"]
    assert bin_names({"values": ["FR", "DE"], "shares": [0.5, 0.5], "other": 0.0}) == ["FR", "DE", "…"]
    assert bin_names(kept_of([float("nan")])) == ["–"]


@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 10_000), whole=st.booleans())
def test_there_is_a_name_for_each_share(shape: str, seed: int, whole: bool) -> None:
    kept = kept_of(drawn(shape, seed)[:, 0].tolist())
    names = bin_names(kept, whole=whole)
    assert len(names) == len(kept["shares"]) == len(set(names))
