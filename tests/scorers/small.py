"""A scorer trained in milliseconds, for every test that needs one that is real.

trained = small_trained()                         # 8 features, 20 trees
rows, truth = small_rows(200, seed=3)             # whole rows of the catalogue, as decisions store them
scorer = small_scorer(tenant, now=NOON)           # registered, a candidate; needs the tenant in force
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import xgboost

from apps.compliance.models import Tenant, User
from apps.fraud.engine.features.catalogue import CATALOGUE, FEATURES, INDEX, VERSION
from apps.fraud.engine.features.feature import Value
from apps.fraud.models import Scorer
from apps.fraud.scorers.artefact import Artefact, Calibration, Header
from apps.fraud.scorers.encoding import Encoder, columns_of, feature_types, learnable
from apps.fraud.scorers.measures import at_fpr, auc_roc, average_precision, brier
from apps.fraud.scorers.scorer import calibrated
from apps.fraud.scorers.trained import Operating, Trained
from apps.fraud.services.scorer_register import scorer_register

NOON = datetime(2025, 12, 1, 12, 0, tzinfo=UTC)
FEW = (
    "amount_eur", "hour", "amount_ratio", "customer_failures_1h", "card_frauds", "new_device",
    "payment_card_mismatch", "method",
)  # fmt: skip
METHODS = ("card", "paypal", "transfer")
ROWS, TREES = 1500, 20


def small_row(draw: random.Random, *, fraud: bool) -> list[Value]:
    """Frauds are dearer, from new devices, after failures; some look like anybody."""
    row: list[Value] = [None] * len(FEATURES)
    odd = fraud and draw.random() < 0.85
    told: dict[str, Value] = {
        "amount_eur": round(draw.lognormvariate(5.2 if odd else 3.8, 0.8), 2),
        "hour": draw.randrange(24),
        "amount_ratio": round(draw.lognormvariate(1.0 if odd else 0.0, 0.5), 3),
        "customer_failures_1h": draw.choice((0, 1, 3, 5) if odd else (0, 0, 0, 1)),
        "card_frauds": int(odd and draw.random() < 0.2),
        "new_device": draw.random() < (0.7 if odd else 0.1),
        "payment_card_mismatch": draw.random() < (0.5 if odd else 0.05),
        "method": draw.choice(METHODS),
        "payment_country": draw.choice(("FR", "FR", "DE", "US")),
    }
    for name, value in told.items():
        row[INDEX[name]] = value
    return row


@cache
def _rows(count: int, seed: int, rate: float) -> tuple[list[list[Value]], list[bool]]:
    draw = random.Random(seed)
    truth = [draw.random() < rate for _ in range(count)]
    return [small_row(draw, fraud=fraud) for fraud in truth], truth


def small_rows(count: int, *, seed: int = 1, rate: float = 0.1) -> tuple[list[list[Value]], list[bool]]:
    rows, truth = _rows(count, seed, rate)
    return [list(row) for row in rows], list(truth)


@cache
def small_trained(*, seed: int = 7, features: Sequence[str] = FEW, trees: int = TREES) -> Trained:
    """Made once a process for the same arguments. `features` is a tuple of names of the catalogue."""
    columns = columns_of(learnable([CATALOGUE[name] for name in features]), {"method": METHODS})
    rows, truth = small_rows(ROWS, seed=seed)
    matrix = Encoder(columns, INDEX).matrix(rows)
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 3, "eta": 0.3, "seed": seed, "nthread": 1, "tree_method": "hist"},
        xgboost.DMatrix(matrix, np.array(truth), feature_types=feature_types(columns), enable_categorical=True),
        num_boost_round=trees,
    )
    calibration = Calibration("platt", 0.9, -0.1)
    start, until = NOON - timedelta(days=60), NOON - timedelta(days=30)
    header = Header(
        catalogue_version=VERSION, columns=columns, calibration=calibration, trees=trees,
        trained_from=start.isoformat(), trained_until=until.isoformat(),
    )  # fmt: skip
    return Trained(
        artefact=Artefact(header, bytes(booster.save_raw("ubj"))).encoded(),
        data_from=start,
        data_until=until,
        known_on=NOON - timedelta(days=20),
        label_delay_days=7.0,
        seed=seed,
        parameters={"max_depth": 3, "eta": 0.3, "trees": trees},
        report=small_report(booster, columns, calibration, seed),
        operating=Operating(challenge=0.15, deny=0.45, weight=0.8, alone_deny=0.5),
        baseline={},
        pictures={(name, language): SVG for name in ("reliability", "money") for language in ("fr", "en")},
    )


SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><path d="M0 10 10 0" stroke="currentColor"/></svg>'


def small_report(booster: xgboost.Booster, columns: Any, calibration: Calibration, seed: int) -> dict[str, Any]:
    """What was measured on other rows, in the shape of a report."""
    rows, truth = small_rows(600, seed=seed + 1)
    margins = booster.inplace_predict(Encoder(columns, INDEX).matrix(rows), predict_type="margin")
    scores = calibrated(calibration, margins)
    found = {name: at_fpr(truth, scores, share) for name, share in (("recall_at_1", 0.01), ("recall_at_2", 0.02))}
    measures = {
        "auc": auc_roc(truth, scores),
        "average_precision": average_precision(truth, scores),
        "brier": brier(truth, scores),
        **{name: None if one is None else one.recall for name, one in found.items()},
    }
    return {"measures": measures, "payments": len(rows), "frauds": sum(truth)}


def small_scorer(
    tenant: Tenant, *, now: datetime = NOON, actor: User | None = None, trained: Trained | None = None, note: str = ""
) -> Scorer:
    return scorer_register(tenant_id=tenant.pk, trained=trained or small_trained(), actor=actor, now=now, note=note)
