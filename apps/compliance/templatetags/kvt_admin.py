from __future__ import annotations

from typing import Any

from django import template

register = template.Library()


@register.simple_tag
def periods(changelist: Any) -> list[list[Any]]:
    """The rows of years, months and days above a list that has a period to choose."""
    # By its method, not its class: unfold renders a template while it is imported, so this module imports no admin.
    found = (spec.levels(changelist) for spec in changelist.filter_specs if hasattr(spec, "levels"))
    return next(found, [])
