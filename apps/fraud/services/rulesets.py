"""Snapshots of the rules in force: a new one with each change, and the way back to an earlier one."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext_noop

from apps.compliance.models import User
from apps.fraud.engine.features.catalogue import CATALOGUE, INDEX, VERSION
from apps.fraud.engine.rules import canonical, names, parse
from apps.fraud.engine.ruleset import CompiledRuleSet, Snapshot, SnapshotRule, snapshot_digest, snapshot_text
from apps.fraud.models import ActiveRuleSet, RuleSet, RuleVersion
from apps.fraud.selectors.rules import microseconds, ruleset_versions, versions_in_force
from apps.fraud.services.rule_moves import (
    State,
    back_to_shadow,
    move_to_live,
    move_to_retired,
    rules_lock,
)
from kivendtout.lib.errors import NotAllowed

APPROVE: Final = "fraud.approve_rule"
OWN_NAME: Final = "own"
"""What a tenant's first snapshot is called that came from no shipped set."""


def require_approver(actor: User, tenant_id: int) -> None:
    if actor.tenant_id != tenant_id or not actor.is_active or not actor.has_perm(APPROVE):
        raise NotAllowed(gettext_noop("Your role does not let rules go live. Ask a team lead to approve."))


def ruleset_publish(
    *, tenant_id: int, actor: User | None, now: datetime, note: str = "", name: str | None = None
) -> RuleSet:
    """The rules in force become the next snapshot, and it decides from now on. Call it with the lock held."""
    active: ActiveRuleSet | None = ActiveRuleSet.objects.select_related("ruleset").filter(tenant_id=tenant_id).first()
    name = name or (active.ruleset.name if active else OWN_NAME)
    content = snapshot_text(_snapshot(versions_in_force()))
    digest = snapshot_digest(content)
    current: RuleSet | None = active.ruleset if active else None
    if current is not None and (current.digest, current.name) == (digest, name):
        return current
    CompiledRuleSet(content, INDEX)  # what does not compile is not published
    latest = RuleSet.objects.filter(tenant_id=tenant_id).order_by("-number").values_list("number", flat=True).first()
    ruleset: RuleSet = RuleSet.objects.create(
        tenant_id=tenant_id,
        number=(latest or 0) + 1,
        name=name,
        content=content,
        catalogue_version=VERSION,
        digest=digest,
        note=note[:300],
        created_at=now,
        created_by=actor,
    )
    _point(active, ruleset, actor, now)
    return ruleset


def ruleset_activate(*, ruleset: RuleSet, actor: User, now: datetime) -> RuleSet:
    """Back to an earlier snapshot, at once: all in it was approved then. The rules' states follow it."""
    require_approver(actor, ruleset.tenant_id)
    with transaction.atomic():
        rules_lock(ruleset.tenant_id)
        active = ActiveRuleSet.objects.filter(tenant_id=ruleset.tenant_id).first()
        if active is not None and active.ruleset_id == ruleset.pk:
            return ruleset
        CompiledRuleSet(ruleset.content, INDEX)
        _follow(ruleset, actor, now)
        _point(active, ruleset, actor, now)
    return ruleset


def _point(active: ActiveRuleSet | None, ruleset: RuleSet, actor: User | None, now: datetime) -> None:
    if active is None:
        active = ActiveRuleSet(tenant_id=ruleset.tenant_id, version=0)
    active.ruleset, active.version = ruleset, active.version + 1
    active.changed_at, active.changed_by = now, actor
    active.save()


def _follow(ruleset: RuleSet, actor: User, now: datetime) -> None:
    wanted = {version.pk: (version, shadow) for version, shadow in ruleset_versions(ruleset=ruleset)}
    states = {pk: State.SHADOW if shadow else State.LIVE for pk, (_version, shadow) in wanted.items()}
    for version in versions_in_force():
        if states.get(version.pk) != version.state:
            move_to_retired(version=version, actor=actor, now=now)
    for version in RuleVersion.objects.filter(pk__in=wanted):
        if version.state == states[version.pk]:
            continue
        if states[version.pk] == State.SHADOW:
            back_to_shadow(version=version)
        else:
            move_to_live(version=version, actor=actor, now=now)


def _snapshot(versions: list[RuleVersion]) -> Snapshot:
    rules, kinds = [], {}
    for version in versions:
        expression = parse(version.expression, CATALOGUE, version.parameters)
        kinds.update({name: CATALOGUE[name].kind for name in names(expression)})
        rules.append(
            SnapshotRule(
                code=version.rule.code,
                version=version.number,
                expression=canonical(expression),
                parameters=version.parameters,
                points=version.points,
                action=version.action,
                severity=version.severity,
                fr=version.sentence_fr,
                en=version.sentence_en,
                valid_from=microseconds(version.valid_from),
                valid_until=microseconds(version.valid_until),
                shadow=version.state == State.SHADOW,
            )
        )
    return Snapshot(catalogue_version=VERSION, features=kinds, rules=tuple(rules))
