"""What every page needs to draw its frame."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

THEMES = ("light", "dark")
THEME_COOKIE = "theme"


def chosen_theme(request: HttpRequest) -> str:
    """The person's choice, or nothing when the system decides. Read here so that the first paint is already right."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


def ui(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    signed_in = bool(user and user.is_authenticated)
    return {
        "theme": chosen_theme(request),
        "ui_tenant": getattr(user, "tenant", None) if signed_in else None,
        "ui_person": _person(user) if signed_in else None,
    }


def _person(user: Any) -> dict[str, str]:
    name = str(getattr(user, "full_name", "") or user.email)
    words = name.replace("@", " ").replace(".", " ").split() or ["?"]
    initials = words[0][0] + (words[1][0] if len(words) > 1 else "")
    return {"name": name, "email": str(user.email), "initials": initials}
