"""A new scorer against the one that decides, on payments that neither has learned from."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import numpy as np
import structlog
from django.utils.dateparse import parse_datetime

from apps.fraud.models import ActiveScorer, Scorer
from apps.fraud.scorers.measures import auc_roc, average_precision
from apps.fraud.scorers.scorer import Scorer as Loaded
from apps.fraud.selectors.catalogues import catalogue_index
from apps.fraud.selectors.scorers import scorer_content
from apps.fraud.selectors.watch import JudgedRow, Period, decided_rows

log = structlog.get_logger(__name__)
DIGITS: Final = 6


def compared(scorer: Scorer, *, now: datetime) -> dict[str, Any]:
    """Facts for people: of both, asked of the same stored rows, else what training measured of the new one."""
    measures = scorer.report.get("measures") or {}
    told = {"auc": measures.get("auc"), "average_precision": measures.get("average_precision")}
    active = ActiveScorer.objects.select_related("scorer").first()
    champion, period = active and active.scorer, _held_out(scorer)
    if champion is None or period is None:
        return told
    told["champion"] = champion.number
    # The champion may have learned from what was held out for the new one: only what came after counts for both.
    common = Period(max(period.start, champion.data_until), period.end)
    try:
        return told | _asked(scorer, champion, common, now)
    except Exception:
        log.error("scorers_not_compared", scorer=scorer.number, champion=champion.number, exc_info=True)
        return told


def _held_out(scorer: Scorer) -> Period | None:
    periods = scorer.report.get("periods") or {}
    test = periods.get("test") or {}
    start, end = (parse_datetime(str(test.get(name, ""))) for name in ("from", "until"))
    return Period(start, end) if start and end else None


def _asked(scorer: Scorer, champion: Scorer, period: Period, now: datetime) -> dict[str, Any]:
    asked = (_Asked(scorer), _Asked(champion))
    fraud: list[bool] = []
    for chunk in decided_rows(scorer.tenant_id, period, now=now):
        for version in {row.catalogue for row in chunk}:
            rows = [row for row in chunk if row.catalogue == version]
            if all(one.reads(version) for one in asked):
                fraud += [row.is_fraud for row in rows]
                for one in asked:
                    one.take(version, rows)
    new, old = (np.array(one.scores) for one in asked)
    auc, before = auc_roc(fraud, new), auc_roc(fraud, old)
    if auc is None or before is None:
        return {}
    precision, precision_before = average_precision(fraud, new), average_precision(fraud, old)
    return {
        "auc": round(auc, DIGITS),
        "auc_champion": round(before, DIGITS),
        "average_precision": precision and round(precision, DIGITS),
        "average_precision_champion": precision_before and round(precision_before, DIGITS),
        "payments": len(fraud),
        "frauds": sum(fraud),
    }


class _Asked:
    """A scorer, as it reads rows of each catalogue."""

    def __init__(self, scorer: Scorer) -> None:
        self.digest, self.content = scorer.digest, scorer_content(scorer=scorer)
        self.scores: list[float] = []
        self._loaded: dict[str, Loaded | None] = {}

    def reads(self, version: str) -> bool:
        if version not in self._loaded:
            index = catalogue_index(version)
            loaded = None
            try:
                loaded = Loaded(self.content, digest=self.digest, index=index)
            except KeyError:  # that catalogue has not all of its columns
                log.info("catalogue_left_out", catalogue=version)
            self._loaded[version] = loaded
        return self._loaded[version] is not None

    def take(self, version: str, rows: list[JudgedRow]) -> None:
        loaded = self._loaded[version]
        assert loaded is not None
        self.scores += loaded.probabilities([row.row for row in rows])
