"""A scorer on trial beside what decides, on the same live payments."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import Column, Fact, Section, Viewer, table
from apps.fraud.admin.scorer_cells import count, figure, percent, signed
from apps.fraud.services.scorer_compare import LEAST_FRAUDS, LEAST_GENUINE, Comparison

LINES: Final = (
    ("auc", gettext_lazy("Area under the ROC curve"), figure),
    ("average_precision", gettext_lazy("Average precision"), figure),
    ("recall_1", gettext_lazy("Frauds caught at 1%"), percent),
    ("recall_2", gettext_lazy("Frauds caught at 2%"), percent),
    ("precision", gettext_lazy("Precision at the same number of alerts"), percent),
    ("brier", gettext_lazy("Brier score"), lambda value: figure(value, 4)),
    ("calibration_error", gettext_lazy("Calibration error"), lambda value: figure(value, 4)),
)


def compared_section(viewer: Viewer, found: Comparison) -> Section:
    who = _("Scorer #%(number)s, which decides") % {"number": found.champion} if found.champion else _("The rules")
    facts = [
        Fact(_("Payments scored by both"), count(found.payments)),
        Fact(_("Of these labelled"), count(found.labelled)),
        Fact(_("Frauds"), count(found.frauds)),
        Fact(_("Agreement of both scores"), figure(found.agreement, 2)),
    ]
    title = _("On trial, beside what decides")
    if not found.enough:
        note = _(
            "Too few labels yet: %(frauds)s of at least %(least_frauds)s frauds, and %(good)s of at least "
            "%(least_good)s payments labelled genuine. Until then a difference says more about luck."
        ) % {
            "frauds": count(found.frauds),
            "least_frauds": LEAST_FRAUDS,
            "good": count(found.labelled - found.frauds),
            "least_good": LEAST_GENUINE,
        }
        return Section("compared", title, facts=facts, note=note)
    mine, theirs = found.challenger_figures, found.champion_figures
    rows = [(label, draw(getattr(theirs, name)), draw(getattr(mine, name))) for name, label, draw in LINES]
    shown = [
        Column("", lambda _v, row: row[0]),
        Column(who, lambda _v, row: row[1], end=True),
        Column(_("This scorer"), lambda _v, row: row[2], end=True),
    ]
    made = table(viewer, "compared", title, rows, shown)
    made.facts, made.note = facts, verdict(found)
    return made


def verdict(found: Comparison) -> str:
    told: dict[str, Any] = {
        "difference": signed(found.difference or 0.0, 3),
        "low": signed(found.low or 0.0, 3),
        "high": signed(found.high or 0.0, 3),
    }
    if found.verdict == "challenger":
        text = _(
            "This scorer ranks better, and that is no luck: its AUC is %(difference)s, between %(low)s and %(high)s."
        )
    elif found.verdict == "champion":
        text = _(
            "What decides ranks better, and that is no luck: this AUC is %(difference)s, between %(low)s and %(high)s."
        )
    else:
        text = _("The difference could be chance: its AUC is %(difference)s, between %(low)s and %(high)s.")
    return text % told
