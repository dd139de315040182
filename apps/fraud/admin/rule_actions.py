"""What can be done with a version, by whom it is offered, and what the page says before it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from apps.compliance.models import User
from apps.fraud.admin.rule_forms import ConfirmForm, ReturnForm
from apps.fraud.models import RuleVersion
from apps.fraud.services.rules import rule_approve, rule_retire, rule_return, rule_submit
from apps.fraud.services.rulesets import APPROVE


@dataclass(frozen=True)
class Action:
    label: str | Promise
    icon: str
    note: str | Promise = ""
    done: str | Promise = ""
    run: Callable[..., RuleVersion] | None = None
    form: type[forms.Form] = ConfirmForm


ACTIONS: dict[str, Action] = {
    "edit": Action(gettext_lazy("Edit the draft"), "edit"),
    "submit": Action(
        gettext_lazy("Put in shadow"),
        "visibility",
        gettext_lazy("Its hits will be counted beside the decisions and change none. Its content is then frozen."),
        gettext_lazy("The rule is in shadow."),
        rule_submit,
    ),
    "approve": Action(
        gettext_lazy("Approve and make live"),
        "check_circle",
        gettext_lazy(
            "It decides from now on, and replaces the version that was live. You answer for it with its author."
        ),
        gettext_lazy("The rule is live."),
        rule_approve,
    ),
    "retire": Action(
        gettext_lazy("Retire"),
        "block",
        gettext_lazy("It judges no payment any more. It can be returned to."),
        gettext_lazy("The version has been retired."),
        rule_retire,
    ),
    "return": Action(
        gettext_lazy("Return to this version"),
        "undo",
        gettext_lazy(
            "A new version with its content is made. If it had been live, a person who may approve makes it live at "
            "once; otherwise it is a draft."
        ),
        gettext_lazy("A new version with the earlier content has been made."),
        rule_return,
        ReturnForm,
    ),
}


def actions_of(version: RuleVersion, person: User) -> list[str]:
    """Those that the services would accept from this person; the list of versions itself offers the return."""
    approves = person.has_perm(APPROVE)
    own = version.created_by_id == person.pk
    if version.state == RuleVersion.State.DRAFT:
        return (["edit"] if own else []) + ["submit", "retire"]
    if version.state == RuleVersion.State.SHADOW:
        return (["approve"] if approves and not own else []) + ["retire"]
    return ["retire"] if version.state == RuleVersion.State.LIVE and approves else []
