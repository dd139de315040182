"""Which features a scorer leans on, in words."""

from __future__ import annotations

from typing import Any, Final

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import Column, Section, Viewer, table
from apps.fraud.admin.decision_cells import bar, spoken
from apps.fraud.admin.scorer_cells import figure, percent
from apps.fraud.engine.features.catalogue import CATALOGUE

# What most of its weight rests on; the rest is folded away.
FIRST: Final = 20


def leans_on(viewer: Viewer, report: dict[str, Any]) -> Section | None:
    told: list[dict[str, Any]] = report.get("importances") or []
    if not told:
        return None
    most = max(one["shap"] for one in told) or 1.0
    shown = [
        Column(gettext_lazy("Feature"), lambda _v, one: _named(one["name"])),
        Column(gettext_lazy("Moves the score by"), lambda _v, one: _moves(one["shap"], most)),
        Column(gettext_lazy("Share of the gain"), lambda _v, one: percent(one["gain"]), end=True),
    ]
    made = Section("features", _("What it leans on"), template="admin/fraud/scorers/fold.html")
    made.data = {
        "first": table(viewer, "first", _("What it leans on"), told[:FIRST], shown),
        "rest": table(viewer, "rest", _("All other features"), told[FIRST:], shown),
    }
    return made


def _named(name: str) -> Any:
    feature = CATALOGUE.get(name)
    sentence = spoken(feature) if feature else ""
    if not sentence:
        return format_html('<span class="kvt-code">{}</span>', name)
    sentence = sentence[:1].upper() + sentence[1:]
    return format_html('{}<div class="kvt-hint"><span class="kvt-code">{}</span></div>', sentence, name)


def _moves(shap: float, most: float) -> Any:
    return format_html('<span class="kvt-share">{}{}</span>', bar(0, shap / most), figure(shap, 2))
