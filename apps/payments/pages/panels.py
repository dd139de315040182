"""What apps above put on the activity page: each brings its template and what it says to this person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

# Its template and what the template needs; None for a person who may not see it.
Panel = dict[str, Any]
_panels: list[Callable[[HttpRequest], Panel | None]] = []


def register_panel(make: Callable[[HttpRequest], Panel | None]) -> None:
    """Above the table of payments, in the order of registration."""
    if make not in _panels:
        _panels.append(make)


def panels_of(request: HttpRequest) -> list[Panel]:
    return [panel for make in _panels if (panel := make(request)) is not None]
