"""The operating point proposed with a scorer: what it did to the test period's payments, and what that cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import Column, Fact, Section, Viewer, table
from apps.fraud.admin.scorer_cells import count, daily, euros, figure, percent
from apps.fraud.models import Scorer

TABLES: Final = "admin/fraud/scorers/tables.html"
OUTCOMES: Final = {
    "allow": gettext_lazy("Passes"),
    "challenge": gettext_lazy("Asked for proof"),
    "deny": gettext_lazy("Declined"),
}


def in_order(told: dict[str, Any], names: Iterable[str]) -> list[tuple[str, Any]]:
    """PostgreSQL keeps an object's keys in an order of its own."""
    order = list(names)
    return sorted(told.items(), key=lambda one: (order.index(one[0]) if one[0] in order else len(order), one[0]))


def operating(viewer: Viewer, scorer: Scorer, report: dict[str, Any]) -> Section:
    decided = report.get("decided") or {}
    point = scorer.operating
    facts = [
        Fact(_("Asks for proof from"), figure(point.get("challenge"))),
        Fact(_("Declines from"), figure(point.get("deny"))),
        Fact(_("Weight beside the rules"), percent(point.get("weight"), 0)),
        Fact(_("Declines alone from"), figure(point.get("alone_deny"))),
    ]
    if decided:
        facts += [
            Fact(_("Frauds caught"), percent(decided.get("recall"))),
            Fact(_("Fraud caught, in euros"), percent(decided.get("recall_eur"))),
            Fact(_("Genuine payments touched"), percent(decided.get("good_touched"), 2)),
            Fact(_("Genuine payments declined"), percent(decided.get("good_declined"), 2)),
            Fact(_("Alerts a day"), daily(decided.get("alerts_a_day"))),
            Fact(_("Cost of its mistakes"), euros(decided.get("cost_eur"))),
            Fact(_("Cost without any defence"), euros(decided.get("cost_of_nothing_eur"))),
        ]
    parts = [_confusion(viewer, decided["confusion"])] if decided.get("confusion") else []
    if report.get("by_fpr"):
        parts.append(_by_fpr(viewer, report["by_fpr"]))
    if costs := (report.get("chosen") or {}).get("costs"):
        parts.append(Section("costs", _("What mistakes were taken to cost"), facts=_costs(costs)))
    head = Section("point", "", facts=facts)
    title = _("The operating point proposed with it")
    return Section("operating", title, template=TABLES, data={"parts": [head, *parts]})


def _confusion(viewer: Viewer, told: dict[str, Any]) -> Section:
    shown = [
        Column(gettext_lazy("Outcome"), lambda _v, row: OUTCOMES.get(row[0], row[0])),
        Column(gettext_lazy("Frauds"), lambda _v, row: count(row[1]["frauds"]), end=True),
        Column(gettext_lazy("Genuine"), lambda _v, row: count(row[1]["good"]), end=True),
        Column(gettext_lazy("Fraud in euros"), lambda _v, row: euros(row[1]["fraud_eur"]), end=True),
        Column(gettext_lazy("Genuine in euros"), lambda _v, row: euros(row[1]["good_eur"]), end=True),
    ]
    return table(viewer, "confusion", _("What came of the test period's payments"), in_order(told, OUTCOMES), shown)


def _by_fpr(viewer: Viewer, rows: list[dict[str, Any]]) -> Section:
    shown = [
        Column(gettext_lazy("Chosen to touch"), lambda _v, row: percent(row["asked"], 0)),
        Column(gettext_lazy("Threshold"), lambda _v, row: figure(row["threshold"]), end=True),
        Column(gettext_lazy("Genuine payments touched"), lambda _v, row: percent(row["fpr"], 2), end=True),
        Column(gettext_lazy("Frauds caught"), lambda _v, row: percent(row["recall"]), end=True),
        Column(gettext_lazy("Frauds among those touched"), lambda _v, row: percent(row["precision"]), end=True),
    ]
    return table(viewer, "by_fpr", _("Thresholds chosen by genuine payments touched"), rows, shown)


def _costs(costs: dict[str, Any]) -> list[Fact]:
    names = {
        "chargeback_fee": _("Bank's fee for a fraud"),
        "challenge": _("A good customer asked"),
        "challenge_stops": _("Frauds that asking stops"),
        "declined_share": _("Margin lost with a good payment declined"),
        "declined": _("And later purchases"),
        "analyst_minutes": _("Minutes of an analyst for an alert"),
        "analyst_hour": _("An analyst's hour"),
    }
    shares = ("challenge_stops", "declined_share")
    return [
        Fact(
            label,
            percent(costs[name], 0)
            if name in shares
            else count(costs[name])
            if "minutes" in name
            else euros(costs[name]),
        )
        for name, label in names.items()
        if name in costs
    ]
