"""What people do with rules: draft, put in shadow, approve, retire, return to an earlier version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext_noop

from apps.compliance.models import User
from apps.fraud.engine.rule_text import RuleText
from apps.fraud.models import RuleVersion
from apps.fraud.selectors.rules import rule_text
from apps.fraud.services.rule_moves import (
    RuleStateRefused,
    State,
    columns,
    content_check,
    fresh,
    move_to_live,
    move_to_retired,
    move_to_shadow,
    rule_named,
    rules_lock,
    version_make,
)
from apps.fraud.services.rulesets import APPROVE, require_approver, ruleset_publish
from kivendtout.lib.errors import NotAllowed

DRAFT: Final = "fraud.change_ruleversion"


def require_drafter(actor: User, tenant_id: int) -> None:
    if actor.tenant_id != tenant_id or not actor.is_active or not actor.has_perm(DRAFT):
        raise NotAllowed(gettext_noop("Your role does not write rules. Ask your team lead."))


@contextmanager
def _changing(version: RuleVersion, *states: str) -> Iterator[RuleVersion]:
    """The version as it is, held still; refused when it is in none of these states any more."""
    with transaction.atomic():
        rules_lock(version.tenant_id)
        current = fresh(version)
        if current.state not in states:
            raise RuleStateRefused
        yield current


def rule_draft(*, content: RuleText, actor: User, now: datetime, note: str = "") -> RuleVersion:
    """The first version of a new rule, or the next one of a rule that is there."""
    require_drafter(actor, actor.tenant_id)
    content_check(content=content, tenant_id=actor.tenant_id)
    with transaction.atomic():
        rules_lock(actor.tenant_id)
        rule = rule_named(code=content.code, tenant_id=actor.tenant_id, now=now)
        return version_make(rule=rule, content=content, author=actor, now=now, change_note=note.strip()[:300])


def rule_draft_edit(*, version: RuleVersion, content: RuleText, actor: User, note: str = "") -> RuleVersion:
    """By its author only: with two hands in one draft, approving it would mean approving one's own part."""
    require_drafter(actor, version.tenant_id)
    content_check(content=content, tenant_id=version.tenant_id)
    with _changing(version, State.DRAFT) as current:
        if current.created_by_id != actor.pk:
            raise NotAllowed(gettext_noop("Only its author edits a draft. Make a new version of your own."))
        if content.code != current.rule.code:
            raise RuleStateRefused(gettext_noop("A rule keeps its code. Write a new rule instead."))
        for name, value in columns(content).items():
            setattr(current, name, value)
        current.change_note = note.strip()[:300]
        current.save()
        return current


def rule_submit(*, version: RuleVersion, actor: User, now: datetime) -> RuleVersion:
    """Draft → shadow: from now on its hits are counted beside the decisions, and its content is frozen."""
    require_drafter(actor, version.tenant_id)
    with _changing(version, State.DRAFT) as current:
        content_check(content=rule_text(version=current), tenant_id=current.tenant_id)
        move_to_shadow(version=current, actor=actor, now=now)
        ruleset_publish(tenant_id=current.tenant_id, actor=actor, now=now, note=f"{current} in shadow")
        return current


def rule_approve(*, version: RuleVersion, actor: User, now: datetime) -> RuleVersion:
    """Shadow → live, by somebody else than its author."""
    require_approver(actor, version.tenant_id)
    with _changing(version, State.SHADOW) as current:
        if current.created_by_id == actor.pk:
            raise NotAllowed(gettext_noop("A second person lets a rule go live. Ask a colleague to approve yours."))
        move_to_live(version=current, actor=actor, now=now, approved_by=actor)
        ruleset_publish(tenant_id=current.tenant_id, actor=actor, now=now, note=f"{current} live")
        return current


def rule_retire(*, version: RuleVersion, actor: User, now: datetime) -> RuleVersion:
    """Drafts and trials by whoever writes rules; what decides, by who may approve."""
    require_drafter(actor, version.tenant_id)
    with _changing(version, State.DRAFT, State.SHADOW, State.LIVE) as current:
        if current.state == State.LIVE:
            require_approver(actor, current.tenant_id)
        was_draft = current.state == State.DRAFT
        move_to_retired(version=current, actor=actor, now=now)
        if not was_draft:
            ruleset_publish(tenant_id=current.tenant_id, actor=actor, now=now, note=f"{current} retired")
        return current


def rule_return(*, version: RuleVersion, actor: User, now: datetime, note: str = "") -> RuleVersion:
    """A new version with the earlier content.

    At once live where the earlier one had been live and a person who may approve asks: a wrong rule must go within a
    minute, and that content was approved by two people already. Otherwise a draft, which goes the usual way.
    """
    require_drafter(actor, version.tenant_id)
    with _changing(version, State.RETIRED) as earlier:
        content = rule_text(version=earlier)
        content_check(content=content, tenant_id=earlier.tenant_id)
        at_once = earlier.live_at is not None and actor.has_perm(APPROVE)
        made = version_make(
            rule=earlier.rule,
            content=content,
            author=actor,
            now=now,
            restores=earlier.number,
            emergency=at_once,
            change_note=note.strip()[:300],
        )
        if at_once:
            move_to_live(version=made, actor=actor, now=now)
            text = f"{made} live: return to v{earlier.number}"
            ruleset_publish(tenant_id=made.tenant_id, actor=actor, now=now, note=text)
        return made
