"""Stored rows that a job could not read: left alone for a while, so that they do not stand before those it can read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

# What a backup brought back, or a release reads again, is found within the hour.
LEFT_ALONE: Final = timedelta(hours=1)
# Some hundred kilobytes. Beyond it the earliest are tried again sooner, which costs time and nothing else.
MOST: Final = 5_000


class Unreadable:
    """Of one process: another one finds out for itself."""

    def __init__(self) -> None:
        self._until: dict[int, datetime] = {}

    def __contains__(self, key: int) -> bool:
        return key in self._until

    def add(self, keys: Iterable[int], now: datetime) -> None:
        for key in keys:
            self._until.pop(key, None)
            self._until[key] = now + LEFT_ALONE
        for key in list(self._until)[: max(len(self._until) - MOST, 0)]:
            del self._until[key]

    def left_alone(self, now: datetime) -> list[int]:
        self._until = {key: until for key, until in self._until.items() if until > now}
        return list(self._until)

    def clear(self) -> None:
        self._until.clear()
