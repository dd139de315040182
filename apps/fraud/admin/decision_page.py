"""One decision's page: what was decided and why, what would have turned it, what it was decided from."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html
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
    degraded_parts,
    milliseconds,
    outcome_badge,
    ruleset_text,
    score_text,
    spoken,
)
from apps.fraud.admin.decision_row import feature_section
from apps.fraud.admin.decision_why import UNREADABLE_DECISION, for_the_customer, in_words, reasons
from apps.fraud.engine.counterfactual import smallest_changes
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.what_if import WhatIf
from apps.fraud.models import Decision, FraudAlert, RuleSet, Scorer
from apps.fraud.services.decisions_store import STEPS
from apps.fraud.services.explained import Explained
from apps.fraud.services.explanations import decision_explain, decision_rescore
from apps.fraud.services.replay import decision_replay
from kivendtout.lib.errors import KvtError


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
        explained = decision_explain(decision)
    except UNREADABLE_DECISION as error:
        note = error.translated if isinstance(error, KvtError) else _("What was stored cannot be read any more.")
        made.sections.append(Section("reasons", _("Why"), note=note))
    else:
        made.sections += _sections(viewer, decision, explained)
    made.sections.append(_timings(decision))
    return made


def _sections(viewer: Viewer, decision: Decision, explained: Explained) -> list[Section]:
    stored = explained.stored
    asked = WhatIf(stored.row, stored.index, stored.rules, stored.inputs, decision_rescore(decision, stored))
    return [
        in_words(explained),
        reasons(viewer, asked, explained),
        changes(viewer, asked, explained),
        for_the_customer(explained),
        parts(explained),
        feature_section(viewer, asked, explained.leaning),
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
        Fact(_("Scorer"), _scorer(viewer, decision)),
        Fact(_("Alert"), shown),
        Fact(_("Asked by"), decision.source),
        Fact(_("Time taken"), milliseconds(decision.latency_us)),
        Fact(_("Trace"), code(decision.trace_id)),
    ]


def _scorer(viewer: Viewer, decision: Decision) -> Any:
    number, _colon, digest = decision.scorer_version.partition(":")
    if not digest:
        return _("none: the rules decided")
    found = Scorer.objects.filter(number=number).only("pk", "number", "digest").first() if number.isdigit() else None
    return link(viewer.url(found) if found else "", f"#{number} {digest}")


# --- what would have turned it ----------------------------------------------------------------------------------------
def changes(viewer: Viewer, asked: WhatIf, explained: Explained) -> Section:
    found = smallest_changes(
        row=asked.row, index=asked.index, rules=asked.rules, inputs=asked.inputs, rescore=asked.rescore,
        minor_units=explained.minor_units,
    )  # fmt: skip
    # The sentence ends with the outcome, which stands beside it as a badge.
    shown = [
        Column(gettext_lazy("change"), lambda _viewer, one: spoken(one).rpartition(":")[0].strip()),
        Column(gettext_lazy("outcome then"), lambda _viewer, one: outcome_badge(Outcome[one.outcome])),
    ]
    empty = _("No single change would have.")
    if explained.stored.judgement.result is Outcome.ALLOW:
        empty = _("The payment was allowed: there is nothing milder.")
    elif not asked.answerable:
        empty = _("Who decided cannot be asked again, so nothing is claimed.")
    return table(viewer, "changes", _("What would have turned it"), found, shown, empty=empty)


# --- what it was made of ----------------------------------------------------------------------------------------------
def parts(explained: Explained) -> Section:
    stored = explained.stored
    judgement, policy = stored.judgement, stored.inputs.policy
    section = Section("parts", _("Parts of the decision"))
    section.facts = [
        Fact(_("Decided by"), _decided_by(judgement.decided_by)),
        Fact(_("Score of the rules"), score_text(judgement.rules_score)),
        Fact(_("Score of the scorer"), score_text(judgement.scorer_score)),
        Fact(_("To check from"), score_text(policy.challenge)),
        Fact(_("Denied from"), score_text(explained.waterfall.deny)),
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
