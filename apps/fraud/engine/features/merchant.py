"""A merchant's traffic, amounts and known frauds.

A busy merchant has too many payments to keep one by one, so they are counted per minute, hour and day (UTC), and a
window holds whole periods before the current one: exact, bounded, and the payment itself is never in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from apps.fraud.engine.features.case import DAY, HOUR, MINUTE, Case
from apps.fraud.engine.features.feature import Feature, Group, Value
from apps.fraud.engine.history import DAYS, HOURS, MINUTES, Counts, Slot, Sums

# Window, which of the ring's counts it is read from, how many periods, and the period.
WINDOWS: Final = (
    ("10m", 0, 10, MINUTE, "10 dernières minutes entières", "last 10 whole minutes"),
    ("1h", 0, 60, MINUTE, "60 dernières minutes entières", "last 60 whole minutes"),
    ("24h", 1, 24, HOUR, "24 dernières heures entières", "last 24 whole hours"),
    ("7d", 2, 7, DAY, "7 derniers jours entiers (UTC)", "last 7 whole days (UTC)"),
    ("30d", 2, 30, DAY, "30 derniers jours entiers (UTC)", "last 30 whole days (UTC)"),
)
NONE_NAMED: Final = "the payment names no merchant"


def _features() -> tuple[Feature, ...]:
    made = []
    for window, _ring, _periods, _period, fr, en in WINDOWS:
        for what, kind, text_fr, text_en in (
            ("attempts", "integer", "paiements tentés chez ce marchand", "payment attempts at this merchant"),
            ("successes", "integer", "paiements réussis chez ce marchand", "successful payments at this merchant"),
            ("failures", "integer", "paiements échoués chez ce marchand", "failed payments at this merchant"),
            ("amount", "number", "somme en euros chez ce marchand", "amounts in euros at this merchant"),
        ):
            name = f"merchant_{what}_{window}"
            made.append(Feature(name, kind, "merchant", f"{text_fr}, {fr}", f"{text_en}, {en}", NONE_NAMED, window))  # type: ignore[arg-type]
    made += [
        Feature("merchant_amount_mean", "number", "merchant",
                "somme en euros des 30 derniers jours entiers chez ce marchand, divisée par ses paiements tentés",
                "sum in euros of the last 30 whole days at this merchant, divided by its payment attempts",
                "no payment there in the period", "30d"),
        Feature("merchant_amount_ratio", "number", "merchant", "montant rapporté à la moyenne de ce marchand",
                "amount divided by this merchant's average", "no average, an average of zero, or no amount in euros",
                "30d"),
        Feature("merchant_failure_rate_24h", "number", "merchant",
                "part des échecs chez ce marchand, 24 dernières heures entières",
                "share of failures at this merchant, last 24 whole hours", "no payment there in the period", "24h", 1),
        Feature("merchant_frauds_30d", "integer", "merchant",
                "paiements chez ce marchand dont le dernier verdict est une fraude, connue depuis 30 jours au plus",
                "payments at this merchant whose latest verdict is fraud, known for 30 days at most",
                NONE_NAMED, "30d", 1),
        Feature("merchant_fraud_rate_30d", "number", "merchant",
                "fraudes connues depuis 30 jours au plus, rapportées aux paiements des 30 derniers jours entiers",
                "frauds known for 30 days at most, divided by the payment attempts of the last 30 whole days",
                "no payment there in the period", "30d", 1),
    ]  # fmt: skip
    return tuple(made)


def _sums(counts: Counts, at: int) -> list[Sums]:
    """In the order of WINDOWS. The shorter window of two is cut out of the longer one."""
    minute, hour, day = at // MINUTE, at // HOUR, at // DAY
    if (summed := getattr(counts, "sums", None)) is not None:
        return [
            summed(MINUTES, minute - 10, minute),
            summed(MINUTES, minute - 60, minute),
            summed(HOURS, hour - 24, hour),
            summed(DAYS, day - 7, day),
            summed(DAYS, day - 30, day),
        ]
    minutes, days = counts.between(MINUTES, minute - 60, minute), counts.between(DAYS, day - 30, day)
    return [
        _sum([slot for slot in minutes if slot[0] >= minute - 10]),
        _sum(minutes),
        _sum(counts.between(HOURS, hour - 24, hour)),
        _sum([slot for slot in days if slot[0] >= day - 7]),
        _sum(days),
    ]


def _sum(slots: list[Slot]) -> Sums:
    if not slots:
        return (0, 0, 0, 0)
    _number, attempts, successes, failures, cents = zip(*slots, strict=True)
    return sum(attempts), sum(successes), sum(failures), sum(cents)


def known_frauds(verdicts: list[tuple[int, bytes, int]], since: int, upto: int) -> int:
    """Payments whose latest verdict at `upto` is fraud, and became known not before `since`."""
    if not verdicts:
        return 0
    last: dict[bytes, tuple[int, int]] = {}
    for known_at, payment, fraud in verdicts:
        if known_at <= upto:
            last[payment] = (known_at, fraud)
    return sum(1 for known_at, fraud in last.values() if fraud and known_at >= since)


FEATURES = _features()
MISSING: Final[list[Value]] = [None] * len(FEATURES)


def compute(case: Case) -> Sequence[Value]:
    if case.history is None or case.history.merchant is None:
        return MISSING
    sums = _sums(case.history.merchant, case.at)
    out: list[Value] = []
    for attempts, successes, failures, cents in sums:
        out += (attempts, successes, failures, cents / 100)
    day, month = sums[2], sums[4]
    mean = month[3] / 100 / month[0] if month[0] else None
    frauds = known_frauds(case.history.merchant_verdicts, case.at - 30 * DAY, case.at)
    out.append(mean)
    out.append(case.cents / 100 / mean if mean and case.cents is not None else None)
    out.append(day[2] / day[0] if day[0] else None)
    out.append(frauds)
    out.append(frauds / month[0] if month[0] else None)
    return out


GROUP = Group(FEATURES, compute)
