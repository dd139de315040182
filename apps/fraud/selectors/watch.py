"""What the watch over scorers reads: what was scored, what labels say of it by now, and how many alerts came."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray

from apps.fraud.engine.features.feature import Value
from apps.fraud.models import ActiveScorer, OperationalAlert, Scorer
from apps.fraud.selectors.scorers import promotion_standing

# Rows read at once: 2 MB of values.
CHUNK: Final = 5_000
# Distributions of so many payments tell a tenth of a percent; more would only take memory.
MOST_ROWS: Final = 50_000
# Two numbers a payment, so that a month of a large shop fits.
MOST_LABELLED: Final = 200_000
# LATERAL with LIMIT 1: one descent of an index per row, whatever the planner believes. A scorer has spoken of a payment
# when it decided on it, or when it was on trial.
_SCORED: Final = """
FROM payments_payment p
JOIN LATERAL (SELECT * FROM fraud_decision WHERE payment_id = p.id LIMIT 1) d ON true
LEFT JOIN LATERAL (SELECT score FROM fraud_shadowscore
    WHERE scorer_id = %(scorer)s AND payment_id = p.id LIMIT 1) s ON true
CROSS JOIN LATERAL (SELECT coalesce(s.score, CASE WHEN d.scorer_version = %(version)s
    THEN (d.inputs::json ->> 'scorer_score')::float8 END) AS score) said
{more}
WHERE p.tenant_id = %(tenant)s AND p.attempted_at >= %(start)s AND p.attempted_at < %(end)s
    AND p.id %% %(one_in)s = 0 AND said.score IS NOT NULL
"""
# Of several verdicts the newest speaks; of two as new as each other, the one that says fraud.
_LABEL: Final = """
LEFT JOIN LATERAL (SELECT is_fraud FROM fraud_fraudlabel
    WHERE payment_id = p.id AND tenant_id = p.tenant_id AND known_at <= %(now)s
    ORDER BY known_at DESC, is_fraud DESC LIMIT 1) l ON true
"""
_ALERT: Final = """
LEFT JOIN LATERAL (SELECT id FROM fraud_fraudalert
    WHERE tenant_id = p.tenant_id AND external_id = 'kvt-' || p.id LIMIT 1) a ON true
"""
_SPOKEN: Final = _SCORED.format(more="")
COUNT: Final = f"SELECT count(*) {_SPOKEN}"
ROWS: Final = f"""
SELECT p.attempted_at, p.id, said.score, d.catalogue_version, d.features {_SPOKEN}
    AND (p.attempted_at, p.id) > (%(after)s, %(after_id)s) ORDER BY p.attempted_at, p.id LIMIT %(limit)s
"""
TRUTH: Final = f"SELECT said.score, coalesce(l.is_fraud, false), l.is_fraud IS NOT NULL {_SCORED.format(more=_LABEL)}"
JUDGED: Final = f"""
SELECT count(*), count(*) FILTER (WHERE l.is_fraud) {_SCORED.format(more=_LABEL + _ALERT)}
    AND a.id IS NOT NULL AND l.is_fraud IS NOT NULL AND d.scorer_version = %(version)s
"""
VOLUME: Final = f"""
SELECT count(*), count(a.id), count(*) FILTER (WHERE d.scorer_version = %(version)s)
FROM payments_payment p
JOIN LATERAL (SELECT scorer_version FROM fraud_decision WHERE payment_id = p.id LIMIT 1) d ON true {_ALERT}
WHERE p.tenant_id = %(tenant)s AND p.attempted_at >= %(start)s AND p.attempted_at < %(end)s
"""  # noqa: S608  constants only
DECIDED: Final = f"""
SELECT p.attempted_at, p.id, d.catalogue_version, d.features, coalesce(l.is_fraud, false)
FROM payments_payment p
JOIN LATERAL (SELECT catalogue_version, features FROM fraud_decision WHERE payment_id = p.id LIMIT 1) d ON true {_LABEL}
WHERE p.tenant_id = %(tenant)s AND p.attempted_at < %(end)s AND (p.attempted_at, p.id) > (%(start)s, %(after_id)s)
    AND p.id %% %(one_in)s = 0 ORDER BY p.attempted_at, p.id LIMIT %(limit)s
"""  # noqa: S608
ALERT_SCORES: Final = f"""
SELECT d.score FROM payments_payment p
JOIN LATERAL (SELECT score FROM fraud_decision WHERE payment_id = p.id LIMIT 1) d ON true {_ALERT}
WHERE p.tenant_id = %(tenant)s AND p.attempted_at >= %(start)s AND p.attempted_at < %(end)s AND a.id IS NOT NULL
ORDER BY d.score DESC LIMIT %(limit)s
"""  # noqa: S608
PAYMENTS: Final = """
SELECT count(*) FROM payments_payment
WHERE tenant_id = %(tenant)s AND attempted_at >= %(start)s AND attempted_at < %(end)s
"""
_row = msgspec.msgpack.Decoder(list[Value]).decode


class Watched(NamedTuple):
    scorer: Scorer
    decides: bool
    """Or is on trial."""


class Period(NamedTuple):
    start: datetime
    end: datetime


class ScoredRow(NamedTuple):
    score: float
    catalogue: str
    row: list[Value]


class JudgedRow(NamedTuple):
    catalogue: str
    row: list[Value]
    is_fraud: bool


class Labelled(NamedTuple):
    scores: NDArray[np.float64]
    fraud: NDArray[np.bool_]
    """Nobody has said: taken for genuine, as in training."""
    told: int
    """Of how many somebody has said."""


class Volume(NamedTuple):
    decided: int
    alerts: int
    by_scorer: int
    """Of the decided, those that this scorer decided on."""


def scorers_watched() -> list[Watched]:
    """Of the tenant in force: the champion first, then those on trial."""
    active: ActiveScorer | None = ActiveScorer.objects.select_related("scorer").first()
    if active is None:
        return []
    trial = list(Scorer.objects.filter(number__in=active.shadows).order_by("number"))
    return [Watched(one, True) for one in [active.scorer] if one] + [Watched(one, False) for one in trial]


def day_period(day: date, zone: ZoneInfo, *, days: int = 1) -> Period:
    """The last `days` days up to the end of this one, by the tenant's own midnights."""
    midnight = [datetime.combine(one, time.min, zone) for one in (day - timedelta(days - 1), day + timedelta(1))]
    return Period(*midnight)


def scored_count(scorer: Scorer, period: Period) -> int:
    return int(_fetch(COUNT, _values(scorer, period))[0][0])


def scored_rows(scorer: Scorer, period: Period, *, one_in: int) -> Iterator[list[ScoredRow]]:
    """In chunks, by event time: every payment, or one in so many, always the same ones."""
    values = _values(scorer, period) | {"one_in": one_in, "limit": CHUNK, "after": period.start, "after_id": 0}
    while rows := _fetch(ROWS, values):
        yield [ScoredRow(score, catalogue, _row(packed)) for _at, _id, score, catalogue, packed in rows]
        values |= {"after": rows[-1][0], "after_id": rows[-1][1]}


def scored_labelled(scorer: Scorer, period: Period, *, now: datetime) -> Labelled:
    """With the labels known by now. A period with more payments than are kept is read one in so many."""
    payments = int(_fetch(PAYMENTS, _values(scorer, period))[0][0])
    values = _values(scorer, period) | {"now": now, "one_in": one_in_of(payments, MOST_LABELLED)}
    rows = _fetch(TRUTH, values)
    scores = np.array([row[0] for row in rows], dtype=np.float64)
    return Labelled(scores, np.array([row[1] for row in rows], dtype=bool), sum(row[2] for row in rows))


def decided_rows(tenant_id: int, period: Period, *, now: datetime) -> Iterator[list[JudgedRow]]:
    """Whoever decided on them, with the labels known by now: what two scorers can be asked about alike."""
    values: dict[str, Any] = {"tenant": tenant_id, "start": period.start, "end": period.end, "now": now}
    payments = int(_fetch(PAYMENTS, values)[0][0])
    values |= {"one_in": one_in_of(payments, MOST_ROWS), "limit": CHUNK, "after_id": 0}
    while rows := _fetch(DECIDED, values):
        yield [JudgedRow(catalogue, _row(packed), fraud) for _at, _id, catalogue, packed, fraud in rows]
        values |= {"start": rows[-1][0], "after_id": rows[-1][1]}


def alerts_judged(scorer: Scorer, period: Period, *, now: datetime) -> tuple[int, int]:
    """Alerts of this scorer's decisions that somebody has judged by now, and how many of them were frauds."""
    judged, frauds = _fetch(JUDGED, _values(scorer, period) | {"now": now})[0]
    return judged, frauds


def alert_volume(scorer: Scorer, period: Period) -> Volume:
    return Volume(*_fetch(VOLUME, _values(scorer, period))[0])


def alert_scores(scorer: Scorer, period: Period, *, most: int) -> list[float]:
    """Combined scores of the payments that raised alerts, the highest first."""
    return [row[0] for row in _fetch(ALERT_SCORES, _values(scorer, period) | {"limit": most})]


def alerts_promised(scorer: Scorer) -> float | None:
    """A day, as two people were told when they promoted it; None where the statement rests on no decisions."""
    promoted = promotion_standing(scorer_id=scorer.pk)
    statement = promoted.statement if promoted is not None else None
    after = statement.get("after") if isinstance(statement, dict) else None
    alerts = after.get("alerts") if isinstance(after, dict) else None
    return float(alerts) if isinstance(alerts, int | float) else None


def operational_alerts_open() -> QuerySet[OperationalAlert]:
    """Of the tenant in force."""
    found: QuerySet[OperationalAlert] = OperationalAlert.objects.filter(status=OperationalAlert.Status.OPEN)
    return found.select_related("scorer").order_by("-last_at", "-pk")


def one_in_of(count: int, most: int) -> int:
    return max(1, -(-count // most))


def _values(scorer: Scorer, period: Period) -> dict[str, Any]:
    return {
        "tenant": scorer.tenant_id,
        "scorer": scorer.pk,
        "version": scorer.version,
        "start": period.start,
        "end": period.end,
        "one_in": 1,
    }


def _fetch(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
