"""The one place that reads the clock. Edges call it and pass the value inward."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)
