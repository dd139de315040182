"""The same detector over a file of feature rows: what it would have raised, and how much of that was fraud."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from math import ceil
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from apps.fraud.engine.features.feature import Value
from apps.fraud.scorers.anomaly.budget import Candidate, daily_share, oddest
from apps.fraud.scorers.anomaly.detector import Detector
from apps.fraud.scorers.anomaly.payments import FIELDS, NAMES
from apps.fraud.scorers.anomaly.words import PAYMENTS, sentences
from apps.fraud.services.anomalies_payments import MOST_ROWS

EXAMPLES: Final = 5
TOGETHER: Final = 10_000
KEYS: Final = ("payment_id", "customer", "at", "is_fraud")


@dataclass(slots=True)
class Tried:
    rows: int = 0
    days: int = 0
    frauds: int = 0
    odd: int = 0
    odd_frauds: int = 0
    threshold: float = 0.0
    digest: str = ""
    examples: list[dict[str, Any]] = field(default_factory=list)

    def said(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Odd:
    candidate: Candidate
    payment: str
    is_fraud: bool
    values: dict[str, list[Value]]


def matrix_scan(*, path: Path, a_day: int) -> Tried:
    done = Tried()
    forest = _learn(path, done, a_day)
    done.digest = forest.digest
    by_day = _odd(path, forest, done)
    chosen = [one for day in sorted(by_day) for one in _of_day(by_day[day], a_day)]
    done.days, done.odd, done.odd_frauds = len(by_day), len(chosen), sum(one.is_fraud for one in chosen)
    for one in sorted(chosen, key=lambda one: -one.candidate.score)[:EXAMPLES]:
        named = forest.why(one.values, 0)
        told = [f"    {sentences(each, PAYMENTS)['en']}" for each in named]
        done.examples.append({"payment": one.payment, "score": one.candidate.score, "fields": told})
    return done


def _batches(path: Path) -> Iterator[dict[str, list[Any]]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(TOGETHER, columns=[*KEYS, *NAMES]):
            yield pa.Table.from_batches([batch]).to_pydict()


def _learn(path: Path, done: Tried, a_day: int) -> Detector:
    with pq.ParquetFile(path) as file:
        one_in = ceil(file.metadata.num_rows / MOST_ROWS)
    columns: dict[str, list[Value]] = {name: [] for name in NAMES}
    moments = []
    for batch in _batches(path):
        first = -done.rows % one_in
        done.rows += len(batch["at"])
        done.frauds += sum(map(bool, batch["is_fraud"]))
        moments += [min(batch["at"]), max(batch["at"])]
        for name, values in columns.items():
            values += batch[name][first::one_in]
    forest = Detector(FIELDS, columns)
    seconds = (max(moments) - min(moments)).total_seconds()
    done.threshold = forest.threshold(daily_share(budget=a_day, rows=done.rows, seconds=seconds))
    return forest


def _odd(path: Path, forest: Detector, done: Tried) -> dict[date, list[_Odd]]:
    """By day, with an empty list for days without any."""
    found: defaultdict[date, list[_Odd]] = defaultdict(list)
    for batch in _batches(path):
        for at in batch["at"]:
            found[at.date()] += ()
        for score, place in forest.odd(batch, done.threshold):
            at = batch["at"][place]
            day = found[at.date()]
            start = at.replace(hour=0, minute=0, second=0, microsecond=0)
            candidate = Candidate(score, batch["customer"][place], start, len(day))
            values = {name: [batch[name][place]] for name in NAMES}
            day.append(_Odd(candidate, batch["payment_id"][place], bool(batch["is_fraud"][place]), values))
    return found


def _of_day(odd: list[_Odd], a_day: int) -> list[_Odd]:
    return [odd[one.place] for one in oddest(one.candidate for one in odd)[:a_day]]
