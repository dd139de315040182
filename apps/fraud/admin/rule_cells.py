"""How rules and their versions are drawn in lists and on pages."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.compliance.admin.present import EMPTY, Column, Viewer, badge, code, link, moment
from apps.fraud.models import Rule, RuleVersion

STATE_TONES = {"draft": "neutral", "shadow": "info", "live": "success", "retired": "neutral"}
SEVERITY_TONES = {"LOW": "neutral", "MEDIUM": "warning", "HIGH": "danger"}
ACTION_TONES = {"allow": "success", "challenge": "warning", "deny": "danger"}
# Which version stands for its rule: what decides, else what is on its way, else the latest.
RANK = ("live", "shadow", "draft", "retired")


def standing(rule: Rule) -> RuleVersion | None:
    versions = sorted(rule.versions.all(), key=lambda one: (RANK.index(one.state), -one.number))
    return versions[0] if versions else None


def state_badge(version: RuleVersion) -> Any:
    return badge(version.get_state_display(), STATE_TONES[version.state])


def states(rule: Rule) -> Any:
    """Each state the rule has a version in, but for what is over."""
    found = sorted(rule.versions.all(), key=lambda one: (RANK.index(one.state), -one.number))
    shown = [one for one in found if one.state != "retired"] or found[:1]
    return format_html("{}" * len(shown), *(state_badge(one) for one in shown)) if shown else EMPTY


def weight(version: RuleVersion) -> Any:
    if version.action:
        return badge(version.get_action_display(), ACTION_TONES[version.action])
    return version.points


def severity_badge(version: RuleVersion) -> Any:
    return badge(version.get_severity_display(), SEVERITY_TONES[version.severity])


def parameters(version: RuleVersion) -> Any:
    return code(", ".join(f":{name} = {value}" for name, value in sorted(version.parameters.items())))


def period(version: RuleVersion) -> Any:
    if version.valid_from is None and version.valid_until is None:
        return _("Always")
    return format_html("{} → {}", moment(version.valid_from), moment(version.valid_until))


def when_by(at: Any, person: Any) -> Any:
    return format_html("{}<br>{}", moment(at), person or "") if at else EMPTY


def approved(version: RuleVersion) -> Any:
    if version.approved_by:
        return when_by(version.approved_at, version.approved_by)
    if version.shipped:
        return _("Shipped")
    return _("Immediate return to v%(number)s") % {"number": version.restores} if version.emergency else EMPTY


def author(version: RuleVersion) -> Any:
    return when_by(version.created_at, version.created_by or _("The product"))


def of_version(rule_column: Any) -> Any:
    """A column of a rule that shows its standing version."""

    def draw(_viewer: Viewer, rule: Rule) -> Any:
        version = standing(rule)
        return EMPTY if version is None else rule_column(version)

    return draw


def rule_columns() -> list[Column]:
    return [
        Column(gettext_lazy("code"), lambda viewer, rule: link(viewer.url(rule), rule.code)),
        Column(gettext_lazy("state"), lambda _viewer, rule: states(rule)),
        Column(gettext_lazy("version"), of_version(lambda one: f"v{one.number}")),
        Column(gettext_lazy("points or action"), of_version(weight)),
        Column(gettext_lazy("severity"), of_version(severity_badge)),
        Column(gettext_lazy("sentence"), of_version(lambda one: one.sentence)),
        Column(gettext_lazy("owner"), of_version(lambda one: one.owner)),
    ]


def version_facts() -> list[Column]:
    return [
        Column(gettext_lazy("expression"), of_version(lambda one: code(one.expression))),
        Column(gettext_lazy("parameters"), of_version(parameters)),
        Column(gettext_lazy("points or action"), of_version(weight)),
        Column(gettext_lazy("severity"), of_version(severity_badge)),
        Column(gettext_lazy("sentence in French"), of_version(lambda one: one.sentence_fr)),
        Column(gettext_lazy("sentence in English"), of_version(lambda one: one.sentence_en)),
        Column(gettext_lazy("owner"), of_version(lambda one: one.owner)),
        Column(gettext_lazy("tags"), of_version(lambda one: ", ".join(one.tags) or EMPTY)),
        Column(gettext_lazy("validity"), of_version(period)),
    ]


def version_columns(*, may_return: bool) -> list[Column]:
    found = [
        Column(gettext_lazy("version"), lambda _viewer, one: f"v{one.number}"),
        Column(gettext_lazy("state"), lambda _viewer, one: state_badge(one)),
        Column(gettext_lazy("points or action"), lambda _viewer, one: weight(one)),
        Column(gettext_lazy("expression"), lambda _viewer, one: code(one.expression)),
        Column(gettext_lazy("parameters"), lambda _viewer, one: parameters(one)),
        Column(gettext_lazy("author"), lambda _viewer, one: author(one)),
        Column(gettext_lazy("in shadow since"), lambda _v, one: when_by(one.submitted_at, one.submitted_by)),
        Column(gettext_lazy("approved by"), lambda _viewer, one: approved(one)),
        Column(gettext_lazy("live since"), lambda _viewer, one: moment(one.live_at)),
        Column(gettext_lazy("retired"), lambda _viewer, one: when_by(one.retired_at, one.retired_by)),
        Column(gettext_lazy("why"), lambda _viewer, one: one.change_note or EMPTY),
    ]
    return [*found, Column("", _return_link)] if may_return else found


def _return_link(_viewer: Viewer, version: RuleVersion) -> Any:
    if version.state != "retired":
        return ""
    return link(action_url(version, "return"), _("Return to it"))


def action_url(version: RuleVersion, action: str) -> str:
    return reverse("admin:fraud_rule_act", args=[version.rule_id, version.number, action])
