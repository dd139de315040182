"""Gauges of the watch, read from PostgreSQL when somebody scrapes: every web process tells the same.

`watch_metrics_install()` is for the web process, once. A stream worker's scrapes must not ask the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from time import monotonic
from typing import Final

from django.db import Error, connection
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, Metric

from apps.fraud.models import OperationalAlert

# Two small queries at most so often, however many scrapers there are.
KEPT_SECONDS: Final = 15.0
OPEN: Final = "SELECT kind, count(*) FROM fraud_operationalalert WHERE status = 'open' GROUP BY kind"
# Of each tenant's champion the latest day; the worst of them, as no label names a tenant. One that was never watched
# ages from when it came into force: a job that never ran must not look like one that has nothing to do.
CHAMPIONS: Final = """
SELECT max(w.score_psi), max(extract(epoch FROM now() - coalesce(w.made_at, a.changed_at))) FROM fraud_activescorer a
LEFT JOIN LATERAL (SELECT score_psi, made_at FROM fraud_scorerwatch
    WHERE scorer_id = a.scorer_id ORDER BY day DESC LIMIT 1) w ON true
WHERE a.scorer_id IS NOT NULL
"""


class WatchCollector:
    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._until, self._kept = float("-inf"), list[Metric]()

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that installing it does not ask the database."""
        return []

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if self._clock() >= self._until:
                self._kept = _read()
                self._until = self._clock() + KEPT_SECONDS
            return list(self._kept)


def _read() -> list[Metric]:
    """Without its figures where PostgreSQL does not answer: a figure that is not known is not zero."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(OPEN)
            counts = dict(cursor.fetchall())
            cursor.execute(CHAMPIONS)
            psi, age = cursor.fetchone()
    except Error:
        return []
    waiting = GaugeMetricFamily(
        "kivendtout_operational_alerts_open", "Operational alerts that wait for somebody.", labels=["kind"]
    )
    for kind in OperationalAlert.Kind.values:
        waiting.add_metric([kind], counts.get(kind, 0))
    told = (
        ("kivendtout_champion_score_psi", "PSI of the champion's score, the worst.", psi),
        ("kivendtout_champion_watch_age_seconds", "Since a champion's latest watch, the oldest.", age),
    )
    known = [GaugeMetricFamily(name, text, value=float(value)) for name, text, value in told if value is not None]
    return [waiting, *known]


collector: Final = WatchCollector()


def watch_metrics_install() -> None:
    """Again changes nothing."""
    if collector not in REGISTRY._collector_to_names:
        REGISTRY.register(collector)
