"""What a scorer learned from, and how it was chosen among others."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import Column, Fact, Section, Viewer, badge, plain, table
from apps.fraud.admin.scorer_cells import count, days, figure
from apps.fraud.models import Scorer

TABLES: Final = "admin/fraud/scorers/tables.html"
PARTS: Final = {
    "train": gettext_lazy("Learned from"),
    "validation": gettext_lazy("Chosen on"),
    "test": gettext_lazy("Measured on"),
}
WAYS: Final = {
    "none": gettext_lazy("As they are"),
    "weight_sqrt": gettext_lazy("Frauds weigh more (root)"),
    "weight_full": gettext_lazy("Frauds weigh as much as all others"),
    "undersampling": gettext_lazy("Fewer genuine payments"),
    "platt": gettext_lazy("Platt's curve"),
    "isotonic": gettext_lazy("Isotonic curve"),
}


def data(viewer: Viewer, scorer: Scorer, report: dict[str, Any]) -> Section:
    periods = report.get("periods") or {}
    rows = [(name, periods[name]) for name in PARTS if name in periods]
    shown = [
        Column("", lambda _v, row: PARTS[row[0]]),
        Column(gettext_lazy("Payments made"), lambda _v, row: _days(row[1])),
        Column(gettext_lazy("Labels as known on"), lambda _v, row: plain(_day(row[1].get("labels_known_on")))),
        Column(gettext_lazy("Payments"), lambda _v, row: count(row[1].get("payments")), end=True),
        Column(gettext_lazy("Frauds"), lambda _v, row: count(row[1].get("frauds")), end=True),
        Column(gettext_lazy("Not known yet"), lambda _v, row: count(row[1].get("frauds_not_yet_known")), end=True),
    ]
    delay = figure(scorer.label_delay_days, 1)
    facts = [
        Fact(_("Data period"), days(scorer.data_from, scorer.data_until)),
        Fact(_("Labels as known on"), plain(scorer.known_on.date())),
        Fact(_("Left out for labels to arrive"), _("%(days)s days") % {"days": delay}),
    ]
    if features := report.get("features"):
        facts.append(Fact(_("Features it reads"), count(len(features.get("learned") or []))))
        if constant := features.get("constant"):
            facts.append(Fact(_("Left out, always the same"), count(len(constant))))
        if allowed := features.get("allowed"):
            facts.append(Fact(_("Let in although they tell much by themselves"), ", ".join(allowed)))
    made = table(viewer, "data", _("What it learned from"), rows, shown)
    made.facts = facts
    return made


def _days(told: dict[str, Any]) -> Any:
    return days(datetime.fromisoformat(told["from"]), datetime.fromisoformat(told["until"]))


def _day(text: Any) -> Any:
    return datetime.fromisoformat(text).date() if text else None


def chosen(viewer: Viewer, scorer: Scorer, report: dict[str, Any]) -> Section:
    told = report.get("chosen") or {}
    parts = []
    if told.get("imbalance"):
        parts.append(_tried(viewer, _("Frauds are few: how that was met"), told["imbalance"]))
    if told.get("calibration"):
        parts.append(_tried(viewer, _("From margin to probability"), told["calibration"]))
    parameters = [
        Fact(name, figure(value, 4).rstrip("0").rstrip(".,") if isinstance(value, float) else str(value))
        for name, value in sorted(scorer.parameters.items())
        if isinstance(value, (int, float, str)) and not isinstance(value, bool)
    ]
    parts.append(Section("parameters", _("Parameters"), facts=[Fact(_("Seed"), str(scorer.seed)), *parameters]))
    return Section("chosen", _("How it was chosen"), template=TABLES, data={"parts": parts})


def _tried(viewer: Viewer, title: str, rows: list[dict[str, Any]]) -> Section:
    precise = any("average_precision" in row for row in rows)
    shown = [
        Column(gettext_lazy("Way"), lambda _v, row: WAYS.get(_name(row), _name(row))),
        Column(gettext_lazy("Brier score"), lambda _v, row: figure(row.get("brier"), 5), end=True),
        Column(gettext_lazy("Logarithmic loss"), lambda _v, row: figure(row.get("log_loss"), 4), end=True),
        Column("", lambda _v, row: badge(_("Kept"), "success") if row.get("kept") else ""),
    ]
    if precise:
        shown.insert(
            1,
            Column(gettext_lazy("Average precision"), lambda _v, row: figure(row.get("average_precision")), end=True),
        )
    return table(viewer, title, title, rows, shown)


def _name(row: dict[str, Any]) -> str:
    return str(row.get("name") or row.get("method") or "")
