"""Why a decision was what it was: in sentences first, then as steps of its score; and what its customer may be told."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import EMPTY, Column, Fact, Section, Viewer, badge, link, table
from apps.fraud.admin.decision_cells import bar, outcome_badge, score_text, share_text, spoken
from apps.fraud.admin.decision_row import conditions_met, shown_plain
from apps.fraud.engine.decide import Reason
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.waterfall import Step
from apps.fraud.engine.what_if import WhatIf
from apps.fraud.models import Decision, FraudAlert, Rule
from apps.fraud.services.explained import Explained, Told, reasons_shown
from apps.fraud.services.explanations import decision_explain
from kivendtout.lib.errors import KvtError

# Features shown behind a fact of the scorer's: those that weigh most in it.
MOST_BEHIND: Final = 3
# What a stored decision may raise that is damaged, or whose catalogue or rule set is gone.
UNREADABLE_DECISION: Final = (KvtError, KeyError, msgspec.MsgspecError)
UNREADABLE: Final = gettext_lazy(
    "The scorer that had its part in this decision cannot be read any more, or says something else of the same row. "
    "What the rules put into the score is exact; the scorer's part stands as one step."
)
KINDS: Final[dict[str, str | Promise]] = {
    "rule": gettext_lazy("rule"),
    "list": gettext_lazy("list"),
    "scorer": gettext_lazy("scorer"),
    "degraded": gettext_lazy("outage"),
}


def alert_why(viewer: Viewer, alert: FraudAlert) -> Section | None:
    """On an alert's page; nothing for those of an imported history, and for who may not see decisions."""
    if not viewer.opens(Decision):
        return None
    decision = Decision.objects.filter(pk=alert.payment_id).first()
    if decision is None:
        return None
    try:
        return in_words(decision_explain(decision))
    except UNREADABLE_DECISION:
        return None  # the decision's own page says what is wrong with it


def in_words(explained: Explained) -> Section:
    """The few facts that weighed most, as sentences."""
    section = Section("why", _("Why, in a few words"), template="admin/fraud/decision/why.html")
    if not explained.readable:
        section.note = str(UNREADABLE)
    section.data = {
        "raised": [_line(one) for one in explained.raised],
        "lowered": [_line(one) for one in explained.lowered],
    }
    section.empty = _("Nothing spoke against the payment.")
    return section


def _line(one: Told) -> dict[str, Any]:
    share = "" if one.settles or not one.share else share_text(one.start, one.end)
    return {"text": spoken(one), "kind": KINDS.get(one.kind, one.kind), "share": share, "settles": one.settles}


# --- step by step -----------------------------------------------------------------------------------------------------
Row = tuple[Reason | Step, Step | None]


def reasons(viewer: Viewer, asked: WhatIf, explained: Explained) -> Section:
    told, judgement = explained.waterfall, explained.stored.judgement
    steps = {(step.kind, step.code): step for step in told.steps}
    pages = _rule_pages(viewer, [one.code for one in judgement.reasons if one.kind == "rule"])
    behind = conditions_met(viewer, asked) | _behind(viewer, asked, explained)
    stated = reasons_shown(explained.stored, told)
    rows: list[Row] = [(one, steps.pop((one.kind, one.code), None)) for one in stated]
    rows += [(step, step) for step in steps.values()]
    if told.steps:
        rows.append((_total(told.score), _total(told.score)))
    shown = [
        Column(gettext_lazy("reason"), lambda _v, row: _sentence(row[0], behind.get(row[0].code, ()))),
        Column(gettext_lazy("share of the score"), lambda _v, row: _share(row[1])),
        Column(gettext_lazy("points"), lambda _v, row: _weight(row[0]), end=True),
        Column(gettext_lazy("code"), lambda _v, row: _code(row[0], pages)),
    ]
    section = table(
        viewer, "reasons", _("The score, step by step"), rows, shown,
        empty=_("No rule hit and no list named the payment."),
    )  # fmt: skip
    if told.capped:
        text = _("The rules have more than 100 points: each counts for a part of its own.")
        section.facts = [Fact(_("Points"), text)]
    return section


def _total(score: float) -> Step:
    return Step(kind="total", code="", fr="Score", en="Score", points=0, share=score, start=0.0, end=score)


def _behind(viewer: Viewer, asked: WhatIf, explained: Explained) -> dict[str, tuple[Any, ...]]:
    """Of each fact of the scorer's, the features that weigh most in it, with their log-odds."""
    return {
        code: tuple(
            f"{name} = {shown_plain(viewer, name, asked.get(name))} ({_signed(weight)})"
            for name, weight in columns[:MOST_BEHIND]
        )
        for code, columns in explained.columns.items()
    }


def _signed(weight: float) -> str:
    return f"{'−' if weight < 0 else '+'}{score_text(abs(weight))}"


def _sentence(reason: Reason | Step, behind: tuple[Any, ...]) -> Any:
    if reason.kind == "start":
        remark = _("Facts are then added one by one, the weightiest first. In another order each has another share.")
        return format_html('<strong>{}</strong><div class="kvt-remark">{}</div>', spoken(reason), remark)
    lines = format_html_join("", '<div class="kvt-hint">{}</div>', ((one,) for one in behind))
    return format_html("<strong>{}</strong>{}", spoken(reason), lines)


def _code(reason: Reason | Step, pages: dict[str, str]) -> SafeString | str:
    if reason.kind in ("scorer", "start", "others"):
        return str(KINDS["scorer"])
    return link(pages.get(reason.code, ""), reason.code)


def _weight(reason: Reason | Step) -> Any:
    action = getattr(reason, "action", "")
    if action in ("allow", "challenge", "deny"):
        return outcome_badge(Outcome[action.upper()])
    return badge(_("Watched"), "info") if action == "watch" else reason.points or EMPTY


def _share(step: Step | None) -> Any:
    if step is None:
        return EMPTY
    text = share_text(step.start, step.end)
    if step.kind == "total":
        text = format_html("<strong>{}</strong>", text)
    return format_html('<span class="kvt-share">{}{}</span>', bar(step.start, step.end), text)


def _rule_pages(viewer: Viewer, codes: list[str]) -> dict[str, str]:
    found = Rule.objects.filter(code__in=codes).values_list("code", "pk")
    return {code_: viewer.url_of("fraud.rule", pk) for code_, pk in found}


# --- for the customer -------------------------------------------------------------------------------------------------
def for_the_customer(explained: Explained) -> Section:
    """In both languages, whichever the page speaks: the customer's is not the analyst's."""
    section = Section("customer", _("What the customer may be told"), template="admin/fraud/decision/customer.html")
    letter = explained.letter
    if letter.reasons:
        section.data = {"letters": [{"language": "fr", "name": _("French"), "text": letter.fr},
                                    {"language": "en", "name": _("English"), "text": letter.en}]}  # fmt: skip
    section.empty = _("The payment was allowed: there is nothing to tell.")
    return section
