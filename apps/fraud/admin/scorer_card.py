"""The model card: what a scorer is for, what it learned from, how good it is and at what, where its limits are."""

from __future__ import annotations

from typing import Any, Final

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import Column, Fact, Section, Viewer, table
from apps.fraud.admin.scorer_card_data import chosen, data
from apps.fraud.admin.scorer_card_features import leans_on
from apps.fraud.admin.scorer_card_point import in_order, operating
from apps.fraud.admin.scorer_cells import MEANINGS, count, figure, measure, percent
from apps.fraud.models import Scorer, ScorerPicture
from apps.fraud.services.scorer_force import MOST_ON_TRIAL

TEXT: Final = "admin/fraud/scorers/text.html"
TABLES: Final = "admin/fraud/scorers/tables.html"
PICTURES: Final = {
    "reliability": (
        gettext_lazy("What was said, and what came"),
        gettext_lazy("On the dashed line, of payments said to be fraud with 10%, one in ten was."),
    ),
    "money": (
        gettext_lazy("Fraud caught by payments looked at"),
        gettext_lazy(
            "How much of the money lost to fraud is found when the payments with the highest scores are looked at."
        ),
    ),
    "roc": (
        gettext_lazy("Frauds caught by good payments stopped"),
        gettext_lazy("The further up and to the left, the better. Grey: the rule sets by themselves."),
    ),
    "precision": (
        gettext_lazy("Precision and recall"),
        gettext_lazy("The more frauds one wants to catch, the more genuine payments are among those touched."),
    ),
    "scores": (
        gettext_lazy("How scores are spread"),
        gettext_lazy("Genuine payments should stand at the left, frauds at the right."),
    ),
    "importances": (
        gettext_lazy("What the scorer leans on"),
        gettext_lazy("How far each feature moves the score on average, up or down."),
    ),
}
GROUPS: Final = {
    "payment_country": gettext_lazy("By country of payment"),
    "device_kind": gettext_lazy("By kind of device"),
    "customer": gettext_lazy("By how well the customer is known"),
}
PARTS: Final = {
    "*": gettext_lazy("All others together"),
    "?": gettext_lazy("Not known"),
    "new": gettext_lazy("New: fewer than three payments before"),
    "known": gettext_lazy("Known"),
}


def card_sections(viewer: Viewer, scorer: Scorer) -> list[Section]:
    """A report of an older form, or a scorer from elsewhere, may lack parts: each that is there is shown."""
    report: dict[str, Any] = scorer.report or {}
    found = [
        purpose(),
        measures(viewer, report),
        against(viewer, report),
        operating(viewer, scorer, report),
        pictures(scorer),
        segments(viewer, report),
        leans_on(viewer, report),
        data(viewer, scorer, report),
        chosen(viewer, scorer, report),
        limits(report),
    ]
    return [section for section in found if section is not None]


def _text(key: str, title: str, lines: list[str]) -> Section:
    return Section(key, title, template=TEXT, data={"lines": lines})


def purpose() -> Section:
    return _text(
        "purpose",
        _("What it is for"),
        [
            _("It tells how likely a payment is to be fraud, from what is known when the payment is made."),
            _("Its probability is weighed with the rules' points; lists and hard rules stand above both."),
            _("It decides on payments, not on people: analysts judge its alerts, and each decision can be explained."),
            _("It is not made for credit, for prices, or for anything but payments of this organisation."),
        ],
    )


def limits(report: dict[str, Any]) -> Section:
    lines = [
        _("It knows what happened in its data period. New kinds of fraud are rules' and analysts' to find first."),
        _("Its figures are of one held-out period. Other weeks give others; the interval says how far they may lie."),
        _("Verdicts arrive late: frauds nobody has reported yet count as genuine, and precision looks worse for it."),
        _("Payments that were declined have no verdict. What they would have been is not known."),
        _("Up to %(most)s scorers on trial are compared with it on the same live payments.") % {"most": MOST_ON_TRIAL},
    ]
    late = ((report.get("periods") or {}).get("test") or {}).get("frauds_not_yet_known")
    if late:
        lines.insert(
            3,
            _("In its test period %(count)s frauds were not known yet when it was measured.") % {"count": count(late)},
        )
    return _text("limits", _("Limits"), lines)


def measures(viewer: Viewer, report: dict[str, Any]) -> Section | None:
    told = report.get("measures") or {}
    spread = report.get("intervals") or {}
    rows = [(name, told[name], spread.get(name)) for name in MEANINGS if told.get(name) is not None]
    shown = [
        Column(gettext_lazy("Measure"), lambda _v, row: _explained(row[0], told)),
        Column(gettext_lazy("Value"), lambda _v, row: measure(row[0], row[1]), end=True),
        Column(gettext_lazy("95% of samples"), lambda _v, row: _interval(row[2]), end=True),
    ]
    made = table(viewer, "measures", _("How good it is"), rows, shown, empty=_("Nothing was measured."))
    if report.get("payments"):
        share = percent(report.get("frauds", 0) / report["payments"], 2)
        words = _("On %(payments)s payments that it never saw, %(frauds)s of them frauds (%(share)s).")
        made.facts = [
            Fact(
                _("Test period"),
                words % {"payments": count(report["payments"]), "frauds": count(report["frauds"]), "share": share},
            )
        ]
    return made


def _interval(spread: Any) -> str:
    return "" if not spread else _("%(low)s to %(high)s") % {"low": figure(spread[0]), "high": figure(spread[1])}


def _explained(name: str, told: dict[str, Any]) -> Any:
    """Each figure with what it means: not everybody who decides has met a Brier score."""
    return format_html('{}<div class="kvt-help">{}</div>', MEANINGS[name][0], _meaning(name, told))


def _meaning(name: str, told: dict[str, Any]) -> str:
    text = str(MEANINGS[name][1])
    if name == "brier" and told.get("brier_of_the_mean") is not None:
        usual = _("Always saying the average gives %(value)s.") % {"value": figure(told["brier_of_the_mean"])}
        return f"{text} {usual}"
    return text


def against(viewer: Viewer, report: dict[str, Any]) -> Section | None:
    """Everybody on the same payments. Rules say no probability: they are compared where they stop."""
    told = report.get("against") or {}
    names = [name for name in MEANINGS if name not in ("brier", "log_loss")]
    who: list[tuple[Any, dict[str, Any]]] = [(_("This scorer"), report.get("measures") or {})]
    if told.get("logistic_regression"):
        who.append((_("Logistic regression"), told["logistic_regression"]))
    who += [(_("Rules: %(name)s") % {"name": name}, rules) for name, rules in (told.get("rules") or {}).items()]
    if len(who) == 1:
        return None
    shown = [Column(gettext_lazy("Measure"), lambda _v, name: MEANINGS[name][0])]
    shown += [_beside(label, figures) for label, figures in who]
    ranks = table(viewer, "ranks", "", [one for one in names if any(one in f for _l, f in who)], shown)
    parts = [ranks, *(_rule_set(viewer, name, rules) for name, rules in (told.get("rules") or {}).items())]
    return Section("against", _("Beside the rules and a regression"), template=TABLES, data={"parts": parts})


def _beside(label: Any, figures: dict[str, Any]) -> Column:
    return Column(label, lambda _v, name: measure(name, figures.get(name)), end=True)


def _rule_set(viewer: Viewer, name: str, rules: dict[str, Any]) -> Section:
    shown = [
        Column(gettext_lazy("Stops from"), lambda _v, row: _("%(points)s points") % {"points": row["points"]}),
        Column(gettext_lazy("Genuine payments touched"), lambda _v, row: percent(row["fpr"], 2), end=True),
        Column(gettext_lazy("Frauds caught by the rules"), lambda _v, row: percent(row["recall"]), end=True),
        Column(
            gettext_lazy("By the scorer, touching as many"), lambda _v, row: percent(row["scorer_recall"]), end=True
        ),
        Column(gettext_lazy("Frauds among those stopped"), lambda _v, row: percent(row["precision"]), end=True),
    ]
    return table(viewer, name, _("Where the rules “%(name)s” stop") % {"name": name}, rules.get("at") or [], shown)


def pictures(scorer: Scorer) -> Section | None:
    there = set(ScorerPicture.objects.filter(scorer=scorer).values_list("name", flat=True))
    shown = [
        {"title": title, "says": says, "url": reverse("admin:fraud_scorer_picture", args=[scorer.pk, name])}
        for name, (title, says) in PICTURES.items()
        if name in there
    ]
    if not shown:
        return None
    template = "admin/fraud/scorers/pictures.html"
    return Section("pictures", _("In pictures"), template=template, data={"pictures": shown})


def segments(viewer: Viewer, report: dict[str, Any]) -> Section | None:
    shown = [
        Column(gettext_lazy("Payments of"), lambda _v, row: PARTS.get(row["name"], row["name"])),
        Column(gettext_lazy("Payments"), lambda _v, row: count(row["payments"]), end=True),
        Column(gettext_lazy("Frauds"), lambda _v, row: count(row["frauds"]), end=True),
        Column(gettext_lazy("AUC"), lambda _v, row: figure(row["auc"]), end=True),
        Column(gettext_lazy("Average precision"), lambda _v, row: figure(row["average_precision"]), end=True),
        Column(gettext_lazy("Frauds caught"), lambda _v, row: percent(row["recall"]), end=True),
        Column(gettext_lazy("Genuine touched"), lambda _v, row: percent(row["fpr"], 2), end=True),
    ]
    parts = [
        table(viewer, f"by-{name}", GROUPS.get(name, name), rows, shown)
        for name, rows in in_order(report.get("segments") or {}, GROUPS)
        if rows
    ]
    if not parts:
        return None
    return Section("segments", _("Where it is better, and where worse"), template=TABLES, data={"parts": parts})
