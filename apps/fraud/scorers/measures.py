"""How good a score is: the figures by which scorers, rules and published results are compared. Pure numpy.

Payments of one score are one step of every curve: no order among them is invented, so a scorer that gives everybody
the same score is worth what chance is worth. The best payments possible and the worst are told apart by `truth`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from django.utils.translation import gettext_noop
from numpy.typing import ArrayLike, NDArray

from kivendtout.lib.errors import InvalidInput

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
# A team of analysts looks at so many customers a day: the book's number, and the issue's.
CARDS_A_DAY: Final = 100


class NothingToMeasure(InvalidInput):
    code = "nothing_to_measure"
    message = gettext_noop(
        "A measure needs as many scores as truths, all of them numbers. Give whole columns without gaps."
    )


class Curve(NamedTuple):
    """Payments at or above each threshold, the highest first; the first point is nobody at all."""

    thresholds: Numbers
    frauds: Numbers
    genuine: Numbers


class Operating(NamedTuple):
    """What happens when every payment scored at or above `threshold` is stopped."""

    threshold: float
    recall: float
    fpr: float
    precision: float | None
    """None: nothing is stopped."""


class CardPrecision(NamedTuple):
    mean: float
    days: tuple[float, ...]
    compromised: tuple[int, ...]
    """Customers that could have been found, day by day."""


def curve_of(truth: ArrayLike, scores: ArrayLike) -> Curve:
    frauds, given = _columns(truth, scores)
    order = np.argsort(-given, kind="stable")
    given, frauds = given[order], frauds[order]
    last = np.flatnonzero(np.append(np.diff(given) != 0, True)) if len(given) else np.array([], dtype=int)
    stopped = np.cumsum(frauds)[last].astype(float)
    zero = np.zeros(1)
    return Curve(
        np.concatenate([[np.inf], given[last]]),
        np.concatenate([zero, stopped]),
        np.concatenate([zero, last + 1 - stopped]),
    )


def auc_roc(truth: ArrayLike, scores: ArrayLike) -> float | None:
    """The chance that a fraud scores above a genuine payment, a tie counting half. None: one of the two is missing."""
    curve = curve_of(truth, scores)
    frauds, genuine = curve.frauds[-1], curve.genuine[-1]
    if not frauds or not genuine:
        return None
    return float(np.trapezoid(curve.frauds, curve.genuine) / frauds / genuine)


def average_precision(truth: ArrayLike, scores: ArrayLike) -> float | None:
    """The precision at each fraud found, averaged: the area under precision and recall, without drawing lines between
    points that nobody can operate at. None: there is no fraud."""
    curve = curve_of(truth, scores)
    if not curve.frauds[-1]:
        return None
    precision = curve.frauds[1:] / (curve.frauds[1:] + curve.genuine[1:])
    return float(np.sum(np.diff(curve.frauds) * precision) / curve.frauds[-1])


def at_fpr(truth: ArrayLike, scores: ArrayLike, fpr: float) -> Operating | None:
    """The lowest threshold that stops at most this share of genuine payments. None: frauds or genuine are missing."""
    curve = curve_of(truth, scores)
    frauds, genuine = curve.frauds[-1], curve.genuine[-1]
    if not frauds or not genuine:
        return None
    # A share is compared as a share: 0.02 of 50 is one payment, whatever binary fractions make of it.
    return _operating(curve, int(np.flatnonzero(curve.genuine / genuine <= fpr + 1e-12)[-1]))


def at_threshold(truth: ArrayLike, scores: ArrayLike, threshold: float) -> Operating | None:
    """What this threshold does to these payments. None: frauds or genuine are missing."""
    curve = curve_of(truth, scores)
    if not curve.frauds[-1] or not curve.genuine[-1]:
        return None
    found = _operating(curve, int(np.flatnonzero(curve.thresholds >= threshold)[-1]))
    return found._replace(threshold=threshold)


def card_precision(
    days: ArrayLike,
    customers: ArrayLike,
    truth: ArrayLike,
    scores: ArrayLike,
    *,
    top: int = CARDS_A_DAY,
    forget_found: bool = True,
) -> CardPrecision | None:
    """Each day the customers with the highest score are looked at: the share of them that is compromised, and its mean.

    A customer's score is the highest of the day. Whoever was found is blocked, and is not looked at on later days
    (`forget_found`). A day with fewer customers counts as if the rest of them were genuine. Of equal scores the
    customer whose first payment of the day comes first is looked at first. None: there is no payment.
    """
    frauds, given = _columns(truth, scores)
    on, names = np.asarray(days), np.unique(np.asarray(customers), return_inverse=True)[1]
    if len(on) != len(given) or len(names) != len(given):
        raise NothingToMeasure
    blocked: NDArray[np.int64] = np.array([], dtype=np.int64)
    shares, compromised = [], []
    for day in np.unique(on):
        rows = np.flatnonzero((on == day) & ~np.isin(names, blocked))
        who, highest, bad = _by_customer(names[rows], given[rows], frauds[rows])
        looked = np.argsort(-highest, kind="stable")[:top]
        shares.append(int(bad[looked].sum()) / top)
        compromised.append(int(bad.sum()))
        if forget_found:
            blocked = np.concatenate([blocked, who[looked][bad[looked]]])
    return CardPrecision(float(np.mean(shares)), tuple(shares), tuple(compromised)) if shares else None


def brier(truth: ArrayLike, probabilities: ArrayLike) -> float | None:
    """The mean squared distance between what was said and what came. None: there is no payment."""
    frauds, given = _columns(truth, probabilities)
    return float(np.mean((given - frauds) ** 2)) if len(given) else None


def _columns(truth: ArrayLike, scores: ArrayLike) -> tuple[Flags, Numbers]:
    frauds, given = np.asarray(truth, dtype=bool), np.asarray(scores, dtype=np.float64)
    if frauds.shape != given.shape or given.ndim != 1 or not np.isfinite(given).all():
        raise NothingToMeasure
    return frauds, given


def _operating(curve: Curve, at: int) -> Operating:
    frauds, genuine = float(curve.frauds[at]), float(curve.genuine[at])
    return Operating(
        float(curve.thresholds[at]),
        frauds / float(curve.frauds[-1]),
        genuine / float(curve.genuine[-1]),
        frauds / (frauds + genuine) if frauds + genuine else None,
    )


def _by_customer(names: Any, scores: Numbers, frauds: Flags) -> tuple[NDArray[np.int64], Numbers, Flags]:
    """In the order in which they first paid that day."""
    _sorted, first, slot = np.unique(names, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=int)
    rank[np.argsort(first)] = np.arange(len(first))
    slot = rank[slot]
    highest, bad = np.full(len(first), -np.inf), np.zeros(len(first), dtype=bool)
    np.maximum.at(highest, slot, scores)
    np.logical_or.at(bad, slot, frauds)
    return names[np.sort(first)], highest, bad
