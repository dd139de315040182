"""A payment explained: contributions of a scorer of 300 trees of depth 6 over all features, and what is made of them.

Processor time, since other work may run beside it. Trained here on rows that are drawn, not real: what counts is that
trees are as many and as deep as real ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import median
from time import process_time_ns
from typing import Any

import numpy as np
import xgboost

from apps.fraud.engine.decide import Inputs, Policy, decide
from apps.fraud.engine.features.catalogue import FEATURES, INDEX, VERSION
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.rules.python_compile import NO_LISTS
from apps.fraud.scorers.artefact import Artefact, Calibration, Header
from apps.fraud.scorers.encoding import Encoder, columns_of, feature_types, learnable
from apps.fraud.scorers.explain import walk
from apps.fraud.scorers.scorer import Scorer
from apps.fraud.services.explained import explained
from apps.fraud.services.replay import Stored
from benchmarks.rulesets import shipped

ROWS, TREES, DEPTH, ROUNDS = 20_000, 300, 6, 200
BATCH = 500
TEXTS = {"method": ("card", "paypal"), "device_kind": ("ios", "android", "web_desktop"), "currency": ("EUR", "USD"),
         "payment_country": ("FR", "DE", "RO", "US"), "profile_country": ("FR", "DE")}  # fmt: skip


def run() -> dict[str, Any]:
    draw = random.Random(7)
    rows = [_row(draw) for _ in range(ROWS)]
    scorer = Scorer(_artefact(rows))
    row = rows[0]
    contributions = scorer.contributions([row])[0]
    rules = shipped("recommended")
    hits = rules.evaluate(row, NO_LISTS, 0)
    inputs = Inputs(policy=Policy(), rules=hits, scorer="ok", scorer_score=contributions.probability)
    stored = Stored(row, INDEX, inputs, decide(inputs), rules)

    def tell() -> Any:
        found = walk(scorer.names, contributions, scorer.header.calibration)
        return explained(stored, found, {"features": {}}, minor_units=2, readable=True)

    def whole() -> Any:
        found = walk(scorer.names, scorer.contributions([row])[0], scorer.header.calibration)
        return explained(stored, found, {"features": {}}, minor_units=2, readable=True)

    return {
        "columns": len(scorer.names),
        "rules_that_hit": len(hits),
        "trees": TREES,
        "depth": DEPTH,
        "score_one_us": _per(lambda: scorer.probabilities([row])),
        "contributions_one_us": _per(lambda: scorer.contributions([row])),
        "words_and_waterfall_us": _per(tell),
        "explanation_of_one_us": _per(whole),
        "explanation_of_one_fastest_us": _per(whole, of=min),
        "contributions_in_a_batch_us_each": round(_per(lambda: scorer.contributions(rows[:BATCH]), 5) / BATCH, 1),
    }


def _row(draw: random.Random) -> list[Value]:
    made: list[Value] = []
    for one in FEATURES:
        if draw.random() < 0.1:
            made.append(None)
        elif one.kind == "text":
            made.append(draw.choice(TEXTS.get(one.name, ("a", "b", "c"))))
        elif one.kind == "boolean":
            made.append(draw.random() < 0.2)
        else:
            made.append(round(draw.lognormvariate(1.0, 1.0), 2))
    return made


def _artefact(rows: list[list[Value]]) -> bytes:
    features = learnable(FEATURES)
    values = {one.name: TEXTS.get(one.name, ("a", "b", "c")) for one in features if one.kind == "text"}
    columns = columns_of(features, values)
    matrix = Encoder(columns, INDEX).matrix(rows)
    # Every column has its say, and labels are noisy: trees then grow to their full depth.
    weights = np.random.default_rng(7).normal(size=matrix.shape[1])
    signal = np.nan_to_num(matrix, nan=0.0) @ weights
    noise = np.random.default_rng(8).normal(scale=signal.std(), size=len(rows))
    truth = signal + noise > np.quantile(signal + noise, 0.9)
    data = xgboost.DMatrix(matrix, truth, feature_types=feature_types(columns), enable_categorical=True)
    booster = xgboost.train(
        {
            "objective": "binary:logistic",
            "max_depth": DEPTH,
            "eta": 0.05,
            "seed": 7,
            "tree_method": "hist",
            "nthread": 1,
        },
        data,
        num_boost_round=TREES,
    )
    header = Header(
        catalogue_version=VERSION, columns=columns, calibration=Calibration("platt", 1.0, 0.0), trees=TREES,
        trained_from="", trained_until="",
    )  # fmt: skip
    return Artefact(header, bytes(booster.save_raw("ubj"))).encoded()


def _per(work: Callable[[], Any], rounds: int = ROUNDS, of: Callable[[list[int]], float] = median) -> float:
    """Median, in microseconds of processor time; the fastest is what no neighbour on the machine slowed down."""
    times = []
    for _round in range(rounds):
        began = process_time_ns()
        work()
        times.append(process_time_ns() - began)
    return round(of(times) / 1000, 1)
