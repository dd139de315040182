"""What somebody, or a database role, did in an hour: counted from log lines and audit entries, whoever wrote them."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

from apps.fraud.engine.features.feature import Value

HOUR: Final = timedelta(hours=1)
# Hours of an actor that its own norm is made of: a month of working days.
REMEMBERED: Final = 200
# Before this many hours nobody has a norm.
LEAST_KNOWN: Final = 5
# Different things counted of one hour; beyond it there is no more to learn.
MOST_DIFFERENT: Final = 10_000
# Hours of activity held at once, some 1 kB each; when there are more, the oldest half is forgotten and counted.
MOST_HOURS: Final = 200_000
NIGHT_FROM, NIGHT_TO = 22, 6


@dataclass(frozen=True, slots=True)
class Act:
    """One line of a log, or one audit entry. Nothing in it names a person or says what a row holds."""

    at: datetime
    actor: str
    counts: Mapping[str, float]
    object: str = ""
    network: str = ""
    longest: float = 0.0


@dataclass(slots=True)
class Hour:
    actor: str
    start: datetime
    counts: Counter[str] = field(default_factory=Counter)
    objects: set[str] = field(default_factory=set)
    networks: set[str] = field(default_factory=set)
    longest: float = 0.0

    def add(self, act: Act) -> None:
        for name, count in act.counts.items():
            self.counts[name] += count  # type: ignore[assignment]  # milliseconds are not whole
        if act.object and len(self.objects) < MOST_DIFFERENT:
            self.objects.add(act.object)
        if act.network and len(self.networks) < MOST_DIFFERENT:
            self.networks.add(act.network)
        self.longest = max(self.longest, act.longest)


class Hours:
    def __init__(self) -> None:
        self.kept: dict[tuple[str, datetime], Hour] = {}
        self.forgotten = 0

    def add(self, acts: Iterable[Act]) -> None:
        for act in acts:
            start = act.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            hour = self.kept.get((act.actor, start))
            if hour is None:
                if len(self.kept) >= MOST_HOURS:
                    self._forget()
                hour = self.kept[act.actor, start] = Hour(act.actor, start)
            hour.add(act)

    def in_order(self) -> list[Hour]:
        return sorted(self.kept.values(), key=lambda hour: (hour.start, hour.actor))

    def _forget(self) -> None:
        keep = self.in_order()[len(self.kept) // 2 :]
        self.forgotten += len(self.kept) - len(keep)
        self.kept = {(hour.actor, hour.start): hour for hour in keep}


@dataclass(slots=True)
class _Past:
    """What an actor's earlier hours were like."""

    totals: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    times: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    networks: set[str] = field(default_factory=set)


def with_norms(hours: Iterable[Hour], *, main: str, zone: ZoneInfo) -> Iterator[tuple[Hour, dict[str, Value]]]:
    """Each hour with its values: what was done, when, and how that compares with the actor's own earlier hours."""
    pasts: defaultdict[str, _Past] = defaultdict(_Past)
    for hour in hours:
        past, local = pasts[hour.actor], hour.start.astimezone(zone)
        total = float(hour.counts[main])
        yield (
            hour,
            {
                **hour.counts,
                "objects": len(hour.objects),
                "networks": len(hour.networks),
                "longest": hour.longest,
                "night": local.hour >= NIGHT_FROM or local.hour < NIGHT_TO,
                "weekend": local.isoweekday() >= 6,
                "unusual_hour": _unusual_hour(past, local.hour),
                "times_own": total / (median(past.totals) or 1.0) if len(past.totals) >= LEAST_KNOWN else None,
                "new_network": not hour.networks <= past.networks if hour.networks and past.networks else None,
            },
        )
        past.totals.append(total)
        past.times.append(local.hour)
        past.networks |= hour.networks


def _unusual_hour(past: _Past, hour: int) -> bool | None:
    """Never before at this hour of the day, nor in the one before or after."""
    if len(past.times) < LEAST_KNOWN:
        return None
    near = {(hour - 1) % 24, hour, (hour + 1) % 24}
    return near.isdisjoint(past.times)
