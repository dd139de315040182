"""Champion and challenger on the same payments, once labels have arrived: who is better, and could it be chance?

A challenger scored each payment silently while another one decided. What it said then is compared with what the
champion said, or, before there was a champion, with the rules' own score. Labels are those known at `known_on`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from django.db import connection
from msgspec import Struct
from numpy.typing import NDArray

from apps.fraud.models import Scorer
from apps.fraud.scorers.measures import at_fpr, auc_roc, average_precision, brier
from kivendtout.lib.tenancy import tenant_scope

DAYS: Final = 30
# With fewer frauds, or fewer payments known to be genuine, a difference says more about luck than about scorers.
LEAST_FRAUDS: Final = 30
LEAST_GENUINE: Final = 100
# Some seconds of measuring; the latest ones count.
MOST_ROWS: Final = 200_000
# 95 % of what chance does lies within so many standard deviations.
LIKELY: Final = 1.96
BINS: Final = 10

# One descent of an index for each payment, as in selectors/decision_sample.py.
_PAIRS: Final = """
SELECT s.score, d.inputs::jsonb -> 'scorer_score', d.points, l.is_fraud
FROM (
    SELECT payment_id, score FROM fraud_shadowscore
    WHERE tenant_id = %(tenant)s AND scorer_id = %(scorer)s AND scored_at >= %(since)s AND scored_at <= %(until)s
    ORDER BY scored_at DESC, payment_id DESC LIMIT %(most)s) s
CROSS JOIN LATERAL (
    SELECT inputs, points FROM fraud_decision WHERE payment_id = s.payment_id AND tenant_id = %(tenant)s
    AND scorer_version = %(version)s LIMIT 1) d
LEFT JOIN LATERAL (
    SELECT is_fraud FROM fraud_fraudlabel WHERE payment_id = s.payment_id AND tenant_id = %(tenant)s
    AND known_at <= %(known_on)s ORDER BY known_at DESC, is_fraud DESC LIMIT 1) l ON true
"""
Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]


class Figures(Struct, frozen=True, kw_only=True):
    auc: float | None
    average_precision: float | None
    recall_1: float | None
    """Of frauds, at 1 % of genuine payments stopped."""
    recall_2: float | None
    precision: float | None
    """Of the payments scored highest: as many as there are labelled frauds, the same number for both."""
    brier: float | None
    calibration_error: float | None
    """Mean gap between what was said and what came, weighted by payments. None for rules: they say no probability."""


class Comparison(Struct, frozen=True, kw_only=True):
    champion: int | None
    """None: the rules alone."""
    challenger: int
    payments: int
    """Scored by both."""
    labelled: int
    frauds: int
    agreement: float | None
    """Rank correlation of both scores over all these payments, labelled or not."""
    enough: bool
    champion_figures: Figures | None = None
    challenger_figures: Figures | None = None
    difference: float | None = None
    """Challenger's AUC less the champion's."""
    low: float | None = None
    high: float | None = None
    """Between which the difference lies, with 95 % confidence."""
    verdict: str = "too_few"
    """too_few, challenger, champion, or chance: no difference that could not be luck."""


def scorer_compare(*, challenger: Scorer, champion: Scorer | None, now: datetime, days: int = DAYS) -> Comparison:
    """Payments that this champion decided on and the challenger scored. Without one: those that rules decided on."""
    with tenant_scope(challenger.tenant_id):
        mine, theirs, truth = _pairs(challenger, champion, now, days)
    known = np.array([one is not None for one in truth], dtype=bool)
    frauds = np.array([bool(one) for one in truth], dtype=bool)[known]
    told: dict[str, Any] = {
        "champion": champion.number if champion else None,
        "challenger": challenger.number,
        "payments": len(truth),
        "labelled": int(known.sum()),
        "frauds": int(frauds.sum()),
        "agreement": _rank_correlation(mine, theirs),
    }
    if told["frauds"] < LEAST_FRAUDS or told["labelled"] - told["frauds"] < LEAST_GENUINE:
        return Comparison(**told, enough=False)
    mine, theirs = mine[known], theirs[known]
    low, high = _interval(frauds, mine, theirs)
    difference = (auc_roc(frauds, mine) or 0.0) - (auc_roc(frauds, theirs) or 0.0)
    return Comparison(
        **told,
        enough=True,
        champion_figures=_figures(frauds, theirs, probability=champion is not None),
        challenger_figures=_figures(frauds, mine, probability=True),
        difference=round(difference, 5),
        low=round(low, 5),
        high=round(high, 5),
        verdict="challenger" if low > 0 else "champion" if high < 0 else "chance",
    )


def _pairs(
    challenger: Scorer, champion: Scorer | None, now: datetime, days: int
) -> tuple[Numbers, Numbers, Sequence[bool | None]]:
    values: dict[str, Any] = {
        "tenant": challenger.tenant_id,
        "scorer": challenger.pk,
        "since": now - timedelta(days=days),
        "until": now,
        "known_on": now,
        "most": MOST_ROWS,
        "version": champion.version if champion else "",
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS, values)
        rows = cursor.fetchall()
    mine = np.array([row[0] for row in rows], dtype=np.float64)
    theirs = np.array([min(row[2], 100) / 100 if champion is None else row[1] for row in rows], dtype=np.float64)
    return mine, theirs, [row[3] for row in rows]


def _figures(truth: Flags, scores: Numbers, *, probability: bool) -> Figures:
    one, two = at_fpr(truth, scores, 0.01), at_fpr(truth, scores, 0.02)
    return Figures(
        auc=auc_roc(truth, scores),
        average_precision=average_precision(truth, scores),
        recall_1=one.recall if one else None,
        recall_2=two.recall if two else None,
        precision=_precision(truth, scores),
        brier=brier(truth, scores) if probability else None,
        calibration_error=_calibration_error(truth, scores) if probability else None,
    )


def _precision(truth: Flags, scores: Numbers) -> float:
    top = np.argsort(-scores, kind="stable")[: int(truth.sum())]
    return float(truth[top].mean())


def _calibration_error(truth: Flags, said: Numbers) -> float:
    """Over tenths of the payments, from those scored lowest to those scored highest."""
    parts = np.array_split(np.argsort(said, kind="stable"), BINS)
    return float(
        sum(abs(said[part].mean() - truth[part].mean()) * len(part) for part in parts if len(part)) / len(said)
    )


def _interval(truth: Flags, mine: Numbers, theirs: Numbers) -> tuple[float, float]:
    """DeLong's: how the paired difference of both AUC would scatter over other payments of the same kind."""
    frauds = _placements(truth, mine) - _placements(truth, theirs)
    genuine = _placements(~truth, -mine) - _placements(~truth, -theirs)
    middle = float(frauds.mean())
    scale = float(np.sqrt(frauds.var(ddof=1) / len(frauds) + genuine.var(ddof=1) / len(genuine)))
    return middle - LIKELY * scale, middle + LIKELY * scale


def _placements(truth: Flags, scores: Numbers) -> Numbers:
    """Of each fraud: the share of genuine payments that it stands above, a tie counting half. Their mean is the AUC."""
    genuine = np.sort(scores[~truth])
    below = np.searchsorted(genuine, scores[truth], side="left")
    upto = np.searchsorted(genuine, scores[truth], side="right")
    found: Numbers = (below + upto) / 2 / len(genuine)
    return found


def _rank_correlation(mine: Numbers, theirs: Numbers) -> float | None:
    if len(mine) < 2 or np.ptp(mine) == 0 or np.ptp(theirs) == 0:
        return None
    return round(float(np.corrcoef(_ranks(mine), _ranks(theirs))[0, 1]), 4)


def _ranks(values: Numbers) -> Numbers:
    _sorted, slot, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    found: Numbers = (ends - (counts - 1) / 2.0)[slot]
    return found
