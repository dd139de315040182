"""The one place that reads the clock; edges call it and pass the value inward. And how its moments are counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def now() -> datetime:
    return datetime.now(UTC)


def event_time(moment: datetime) -> int:
    """Whole microseconds since the epoch, as the engine and feature state count: a float of seconds loses some."""
    return (moment - EPOCH) // _MICROSECOND


def moment_of(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)
