"""What a change of scorer does to payments and customers, in words and in a table: what people are asked to approve."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import EMPTY, Column, Section, Viewer, table
from apps.fraud.admin.scorer_cells import count, daily, days, euros, percent, signed

LINES: Final = (
    ("alerts", gettext_lazy("Alerts a day"), daily),
    ("customers_challenged", gettext_lazy("Customers asked for proof a day"), daily),
    ("customers_declined", gettext_lazy("Customers declined a day"), daily),
    ("declined", gettext_lazy("Payments declined a day"), daily),
    ("declined_eur", gettext_lazy("Euros declined a day"), euros),
    ("frauds_caught", gettext_lazy("Labelled frauds caught"), percent),
    ("good_touched", gettext_lazy("Genuine payments touched"), percent),
)
MOVES: Final = {
    "ALLOW>CHALLENGE": gettext_lazy("pass today and would be asked for proof"),
    "ALLOW>DENY": gettext_lazy("pass today and would be declined"),
    "CHALLENGE>ALLOW": gettext_lazy("are asked today and would pass"),
    "CHALLENGE>DENY": gettext_lazy("are asked today and would be declined"),
    "DENY>ALLOW": gettext_lazy("are declined today and would pass"),
    "DENY>CHALLENGE": gettext_lazy("are declined today and would be asked for proof"),
}
# Of a report, where nothing has been decided yet: measured on its test period.
MEASURED: Final = (
    ("alerts_a_day", gettext_lazy("Alerts a day"), daily),
    ("customers_declined_a_day", gettext_lazy("Customers declined a day"), daily),
    ("recall", gettext_lazy("Frauds caught"), percent),
    ("good_touched", gettext_lazy("Genuine payments touched"), percent),
    ("precision", gettext_lazy("Frauds among the payments touched"), percent),
)


def statement_section(viewer: Viewer, told: dict[str, Any]) -> Section:
    title = _("What will change")
    if told.get("source") == "decisions":
        return _of_decisions(viewer, title, told)
    if told.get("source") == "report":
        return _of_report(viewer, title, told)
    return Section(
        "statement", title, note=_("Nothing has been decided lately, and nothing was measured: nobody knows.")
    )


def _of_decisions(viewer: Viewer, title: str, told: dict[str, Any]) -> Section:
    before, after = told["before"], told["after"]
    rows = [(label, draw(before[name]), draw(after[name]), _change(name, before, after)) for name, label, draw in LINES]
    made = table(
        viewer,
        "statement",
        title,
        rows,
        [
            Column("", lambda _v, row: row[0]),
            Column(gettext_lazy("Now"), lambda _v, row: row[1], end=True),
            Column(gettext_lazy("Then"), lambda _v, row: format_html("<strong>{}</strong>", row[2]), end=True),
            Column(gettext_lazy("Difference"), lambda _v, row: row[3], end=True),
        ],
    )
    made.template = "admin/fraud/scorers/statement.html"
    made.data = {"lead": _lead(before, after), "moves": _moves(told), "rests": _rests_on(told)}
    return made


def _lead(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    told = []
    for name, label, draw in LINES[:3]:
        told.append(
            _("%(what)s: %(now)s → %(then)s") % {"what": label, "now": draw(before[name]), "then": draw(after[name])}
        )
    return told


def _change(name: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    now, then = before[name], after[name]
    if now is None or then is None:
        return EMPTY
    if name in ("frauds_caught", "good_touched"):
        points = 100 * (then - now)
        return _("%(points)s points") % {"points": signed(points, 1)}
    if not now:
        return EMPTY if not then else _("new")
    return _("%(share)s%%") % {"share": signed(100 * (then - now) / now)}


def _moves(told: dict[str, Any]) -> list[str]:
    return [
        _("%(count)s payments a day %(move)s.") % {"count": daily(number), "move": MOVES[move]}
        for move, number in sorted(told["moves"].items(), key=lambda one: -one[1])
        if move in MOVES
    ]


def _rests_on(told: dict[str, Any]) -> list[str]:
    """What the figures are made of, and how far they can be trusted."""
    begins, ends = (datetime.fromisoformat(told[name]) for name in ("begins", "ends"))
    said = [
        _("Decided again, both ways: %(read)s of about %(all)s payments of the period, taken evenly.")
        % {"read": count(told["payments"]), "all": count(told["of"])}
        if told["payments"] < told["of"]
        else _("Decided again, both ways: all %(read)s payments of the period.") % {"read": count(told["payments"])}
    ]
    said.append(format_html("{}: {}.", _("Payments of"), days(begins, ends)))
    if told["payments"] < told["of"]:
        said.append(_("Customers are then counted at most, since one may stand in for several payments of a day."))
    said.append(
        _("Of these payments, %(labelled)s are labelled, %(frauds)s of them as fraud; shares are of those.")
        % {"labelled": count(told["labelled"]), "frauds": count(told["frauds"])}
        if told["labelled"]
        else _("None of these payments is labelled yet: what would be caught is not known.")
    )
    if told["unreadable"]:
        said.append(
            _("%(count)s payments are left out: the scorer cannot read what was stored of them.")
            % {"count": count(told["unreadable"])}
        )
    return said


def _of_report(viewer: Viewer, title: str, told: dict[str, Any]) -> Section:
    report = told.get("report") or {}
    rows = [(label, draw(report[name])) for name, label, draw in MEASURED if name in report]
    shown = [
        Column("", lambda _v, row: row[0]),
        Column(gettext_lazy("On its test period"), lambda _v, row: row[1], end=True),
    ]
    made = table(viewer, "statement", title, rows, shown)
    made.note = _(
        "Nothing has been decided here in the last two weeks, so there is nothing to compare with. These figures were "
        "measured when it was trained, with the thresholds proposed then."
    )
    return made
