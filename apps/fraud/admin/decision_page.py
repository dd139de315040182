"""One decision's page: what was decided and why, what would have turned it, what it was decided from."""

from __future__ import annotations

from typing import Any

import msgspec
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import (
    EMPTY,
    Button,
    Column,
    Fact,
    Record,
    Section,
    Viewer,
    badge,
    code,
    link,
    moment,
    table,
)
from apps.fraud.admin.belongings import severity_badge
from apps.fraud.admin.decision_cells import (
    bar,
    degraded_parts,
    milliseconds,
    outcome_badge,
    ruleset_text,
    score_text,
    spoken,
)
from apps.fraud.admin.decision_row import conditions_met, feature_section
from apps.fraud.engine.counterfactual import smallest_changes
from apps.fraud.engine.decide import Reason
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.waterfall import Step, waterfall
from apps.fraud.engine.what_if import WhatIf
from apps.fraud.models import Decision, FraudAlert, Rule, RuleSet
from apps.fraud.services.decisions_store import STEPS
from apps.fraud.services.replay import Stored, decision_replay, stored_read
from apps.payments.models import Currency
from kivendtout.lib.errors import KvtError

KINDS = {"rule": gettext_lazy("rule"), "list": gettext_lazy("list"), "scorer": gettext_lazy("scorer")}


def record(viewer: Viewer, decision: Decision) -> Record:
    made = Record(
        title=str(decision),
        kind=_("decision"),
        icon="gavel",
        badges=[outcome_badge(decision.outcome)],
        lead=format_html('<span class="kvt-amount">{}</span>', score_text(decision.score)),
        facts=_facts(viewer, decision),
        buttons=[Button(_("Replay"), "?replay=1#replay", "replay", primary=True)],
    )
    if decision.degraded:
        made.badges.append(badge(_("Degraded"), "warning"))
    if "replay" in viewer.request.GET:
        made.sections.append(replay_section(viewer, decision))
    try:
        stored = stored_read(decision)
    except (KvtError, KeyError, msgspec.MsgspecError) as error:
        note = error.translated if isinstance(error, KvtError) else _("What was stored cannot be read any more.")
        made.sections.append(Section("reasons", _("Why"), note=note))
    else:
        made.sections += _sections(viewer, decision, stored)
    made.sections.append(_timings(decision))
    return made


def _sections(viewer: Viewer, decision: Decision, stored: Stored) -> list[Section]:
    asked = WhatIf(stored.row, stored.index, stored.rules, stored.inputs)
    return [
        reasons(viewer, asked, stored),
        changes(viewer, stored),
        parts(stored),
        feature_section(viewer, asked),
    ]


def _facts(viewer: Viewer, decision: Decision) -> list[Fact]:
    alert = FraudAlert.objects.filter(payment_id=decision.pk).order_by("-raised_at", "-pk").first()
    ruleset = RuleSet.objects.filter(number=decision.ruleset_number).only("pk", "name", "number").first()
    of_rules = link(viewer.url(ruleset), ruleset) if ruleset else ruleset_text(decision.ruleset_number)
    shown = format_html("{} {}", link(viewer.url(alert), alert), severity_badge(alert)) if alert else EMPTY
    return [
        Fact(_("Payment"), link(viewer.url_of("payments.payment", decision.pk), decision.payment)),
        Fact(_("Decided at"), moment(decision.decided_at)),
        Fact(_("Points"), decision.points),
        Fact(_("Rule set"), of_rules),
        Fact(_("Scorer"), decision.scorer_version or _("none yet: the rules decided")),
        Fact(_("Alert"), shown),
        Fact(_("Asked by"), decision.source),
        Fact(_("Time taken"), milliseconds(decision.latency_us)),
        Fact(_("Trace"), code(decision.trace_id)),
    ]


# --- why --------------------------------------------------------------------------------------------------------------
def reasons(viewer: Viewer, asked: WhatIf, stored: Stored) -> Section:
    told = waterfall(stored.inputs, stored.judgement)
    steps = {(step.kind, step.code): step for step in told.steps}
    pages = _rule_pages(viewer, [one.code for one in stored.judgement.reasons if one.kind == "rule"])
    met = conditions_met(viewer, asked)
    rows: list[tuple[Reason | Step, Step | None]] = []
    rows += [(one, steps.pop((one.kind, one.code), None)) for one in stored.judgement.reasons]
    rows += [(step, step) for step in steps.values()]  # the scorer gives a share, and no sentence of its own yet
    shown = [
        Column(gettext_lazy("reason"), lambda _v, row: _sentence(row[0], met.get(row[0].code, ()))),
        Column(gettext_lazy("code"), lambda _v, row: link(pages.get(row[0].code, ""), row[0].code)),
        Column(gettext_lazy("points"), lambda _v, row: _weight(row[0]), end=True),
        Column(gettext_lazy("share of the score"), lambda _v, row: _share(row[1])),
    ]
    section = table(viewer, "reasons", _("Why"), rows, shown, empty=_("No rule hit and no list named the payment."))
    if told.capped:
        section.facts = [
            Fact(_("Points"), _("The rules have more than 100 points: each counts for a part of its own."))
        ]
    return section


def _sentence(reason: Reason | Step, met: tuple[Any, ...]) -> Any:
    lines = format_html_join("", '<div class="kvt-hint">{}</div>', ((one,) for one in met))
    return format_html("<strong>{}</strong>{}", spoken(reason), lines)


def _weight(reason: Reason | Step) -> Any:
    action = getattr(reason, "action", "")
    if action in ("allow", "challenge", "deny"):
        return outcome_badge(Outcome[action.upper()])
    return badge(_("Watched"), "info") if action == "watch" else reason.points or EMPTY


def _share(step: Step | None) -> Any:
    return (
        EMPTY
        if step is None
        else format_html('<span class="kvt-share">{}{}</span>', bar(step.start, step.end), score_text(step.share))
    )


def _rule_pages(viewer: Viewer, codes: list[str]) -> dict[str, str]:
    found = Rule.objects.filter(code__in=codes).values_list("code", "pk")
    return {code_: viewer.url_of("fraud.rule", pk) for code_, pk in found}


# --- what would have turned it ----------------------------------------------------------------------------------------
def changes(viewer: Viewer, stored: Stored) -> Section:
    currency = Currency.objects.filter(pk=stored.row[stored.index["currency"]]).only("minor_units").first()
    found = smallest_changes(
        row=stored.row, index=stored.index, rules=stored.rules, inputs=stored.inputs,
        minor_units=currency.minor_units if currency else 2,
    )  # fmt: skip
    # The sentence ends with the outcome, which stands beside it as a badge.
    shown = [
        Column(gettext_lazy("change"), lambda _viewer, one: spoken(one).rpartition(":")[0].strip()),
        Column(gettext_lazy("outcome then"), lambda _viewer, one: outcome_badge(Outcome[one.outcome])),
    ]
    allowed = stored.judgement.result is Outcome.ALLOW
    empty = _("The payment was allowed: there is nothing milder.") if allowed else _("No single change would have.")
    return table(viewer, "changes", _("What would have turned it"), found, shown, empty=empty)


# --- what it was made of ----------------------------------------------------------------------------------------------
def parts(stored: Stored) -> Section:
    judgement, policy = stored.judgement, stored.inputs.policy
    section = Section("parts", _("Parts of the decision"))
    section.facts = [
        Fact(_("Decided by"), _decided_by(judgement.decided_by)),
        Fact(_("Score of the rules"), score_text(judgement.rules_score)),
        Fact(_("Score of the scorer"), score_text(judgement.scorer_score)),
        Fact(_("To check from"), score_text(policy.challenge)),
        Fact(_("Denied from"), score_text(waterfall(stored.inputs, judgement).deny)),
        Fact(_("Did not answer"), degraded_parts(judgement.degraded) or EMPTY),
        Fact(_("Rules on trial that hit"), ", ".join(stored.inputs.shadow) or EMPTY),
    ]
    return section


def _decided_by(who: str) -> str:
    kind, _colon, name = who.partition(":")
    if name:
        return f"{_('the list') if kind == 'list' else _('the hard rule')} {name}"
    words = {"rules": _("rules"), "scorer": _("scorer"), "both": _("rules and scorer"), "nobody": _("nobody")}
    return str(words.get(who, who))


def _timings(decision: Decision) -> Section:
    names = {"record": _("Recording"), "state": _("Feature state"), "features": _("Features"), "rules": _("Rules"),
             "scorer": _("Scorer")}  # fmt: skip
    section = Section("timings", _("Timings"), aside=True)
    spent = zip(STEPS, decision.timings, strict=False)
    section.facts = [Fact(names.get(step, step), milliseconds(micros)) for step, micros in spent]
    section.facts.append(Fact(_("All of it"), milliseconds(decision.latency_us)))
    return section


# --- made again -------------------------------------------------------------------------------------------------------
def replay_section(viewer: Viewer, decision: Decision) -> Section:
    replay = decision_replay(decision=decision)
    shown = [
        Column(gettext_lazy("part"), lambda _viewer, one: one.part),
        Column(gettext_lazy("stored"), lambda _viewer, one: code(one.stored)),
        Column(gettext_lazy("made again"), lambda _viewer, one: code(one.computed)),
    ]
    section = table(viewer, "replay", _("Replay"), replay.differences, shown)
    if replay.identical:
        text = _("Made again from its stored row, rule set and lists, it is identical to the byte.")
        section.facts = [Fact(text, badge(_("Identical"), "success"))]
    else:
        section.facts = [Fact(_("Made again, it is not what is stored."), badge(_("Different"), "danger"))]
    return section
