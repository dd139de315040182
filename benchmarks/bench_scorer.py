"""One payment, and a thousand, through a scorer of the size that training makes; beside it the encoding alone.

The rows are random, the booster has learned something in them: its trees are as deep and as many as real ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any

import numpy as np
import xgboost

from apps.fraud.engine.features.catalogue import FEATURES, INDEX, VERSION
from apps.fraud.engine.features.feature import Feature, Value
from apps.fraud.scorers.artefact import Artefact, Calibration, Header
from apps.fraud.scorers.encoding import Encoder, columns_of, feature_types, learnable
from apps.fraud.scorers.scorer import Scorer

TREES, DEPTH = 300, 6
ROWS = 20_000
ROUNDS = 60
TEXTS = ("a", "b", "c", "d")


def run() -> dict[str, Any]:
    scorer = _scorer()
    thousand = _rows(random.Random(2), 1000)
    one = thousand[:1]
    return {
        "columns": len(scorer.names),
        "trees": TREES,
        "depth": DEPTH,
        "one_row_us": _per(lambda: scorer.probabilities(one)),
        "thousand_rows_ms": round(_per(lambda: scorer.probabilities(thousand)) / 1000, 2),
        "encode_one_us": _per(lambda: scorer.matrix(one)),
        "encode_thousand_ms": round(_per(lambda: scorer.matrix(thousand)) / 1000, 2),
        "explain_one_ms": round(_per(lambda: scorer.contributions(one)) / 1000, 2),
    }


def _scorer() -> Scorer:
    draw = random.Random(1)
    rows = _rows(draw, ROWS)
    columns = columns_of(learnable(FEATURES), {one.name: TEXTS for one in FEATURES if one.kind == "text"})
    matrix = Encoder(columns, INDEX).matrix(rows)
    known = np.nan_to_num(matrix[:, :12])
    truth = known.sum(axis=1) + np.random.default_rng(1).normal(0, 60, ROWS) > np.quantile(known.sum(axis=1), 0.97)
    told = xgboost.QuantileDMatrix(matrix, truth, feature_types=feature_types(columns), enable_categorical=True)
    settings = {"objective": "binary:logistic", "max_depth": DEPTH, "eta": 0.05, "nthread": 2, "seed": 1}
    booster = xgboost.train(settings, told, num_boost_round=TREES)
    header = Header(
        catalogue_version=VERSION, columns=columns, calibration=Calibration("platt"), trees=TREES, trained_from="",
        trained_until="",
    )  # fmt: skip
    return Scorer(Artefact(header, bytes(booster.save_raw("ubj"))).encoded())


def _rows(draw: random.Random, count: int) -> list[list[Value]]:
    return [[_value(draw, feature) for feature in FEATURES] for _n in range(count)]


def _value(draw: random.Random, feature: Feature) -> Value:
    if draw.random() < 0.2:
        return None
    kinds: dict[str, Callable[[], Value]] = {
        "number": lambda: draw.random() * 100,
        "integer": lambda: draw.randrange(50),
        "boolean": lambda: draw.random() < 0.5,
        "text": lambda: draw.choice(TEXTS),
    }
    return kinds[feature.kind]()


def _per(work: Callable[[], object]) -> float:
    """Median microseconds."""
    work()
    taken = []
    for _n in range(ROUNDS):
        began = perf_counter_ns()
        work()
        taken.append((perf_counter_ns() - began) / 1000)
    return round(median(taken), 1)
