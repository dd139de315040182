"""The moves of a rule version from state to state, and its content checked. Rights are checked by who calls these."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from django.db import connection
from django.utils.translation import gettext_noop

from apps.compliance.models import User
from apps.fraud.engine.features.catalogue import CATALOGUE
from apps.fraud.engine.rule_text import RuleText
from apps.fraud.engine.rules import Expression, parse
from apps.fraud.models import FraudList, Rule, RuleVersion
from kivendtout.lib.errors import Conflict, InvalidInput

State = RuleVersion.State


class RuleStateRefused(Conflict):
    code = "rule_state_refused"
    message = gettext_noop("The rule has changed since you read it. Read it again, then decide.")


class RuleContentInvalid(InvalidInput):
    code = "invalid_rule_content"
    message = gettext_noop("The rule cannot be saved: %(problem)s. Correct it and save it again.")


def rules_lock(tenant_id: int) -> None:
    """Until the transaction ends, nobody else changes this tenant's rules: states and snapshot move together."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('kvt_rules'), %s)", [tenant_id])


def fresh(version: RuleVersion) -> RuleVersion:
    """The row as it is once the lock is held, whatever the caller read before."""
    row: RuleVersion = RuleVersion.objects.select_related("rule").get(pk=version.pk, tenant_id=version.tenant_id)
    return row


def expression_check(*, content: RuleText, tenant_id: int) -> Expression:
    """RuleSyntaxError, with the character, when the expression cannot be used."""
    names = FraudList.objects.filter(tenant_id=tenant_id).values_list("code", flat=True)
    return parse(content.expression, CATALOGUE, content.parameters, lists=set(names))


def content_check(*, content: RuleText, tenant_id: int) -> None:
    try:
        msgspec.convert(msgspec.to_builtins(content), RuleText)
    except msgspec.ValidationError as error:
        raise RuleContentInvalid(RuleContentInvalid.message, problem=str(error)) from error
    if (content.points is None) == (content.action == ""):
        raise RuleContentInvalid(gettext_noop("A rule has either points or a hard action. Fill in one of the two."))
    start, until = content.validity.start, content.validity.until
    if start is not None and until is not None and start >= until:
        raise RuleContentInvalid(gettext_noop("The rule ends before it begins. Correct its dates."))
    expression_check(content=content, tenant_id=tenant_id)


def columns(content: RuleText) -> dict[str, Any]:
    return {
        "expression": content.expression,
        "parameters": dict(content.parameters),
        "points": content.points,
        "action": content.action,
        "sentence_fr": content.sentence.fr,
        "sentence_en": content.sentence.en,
        "severity": content.severity,
        "owner": content.owner,
        "tags": list(content.tags),
        "valid_from": content.validity.start,
        "valid_until": content.validity.until,
    }


def same_content(version: RuleVersion, content: RuleText) -> bool:
    return all(getattr(version, name) == value for name, value in columns(content).items())


def version_make(*, rule: Rule, content: RuleText, author: User | None, now: datetime, **fields: Any) -> RuleVersion:
    """A new draft. Call it with the lock held: the number is the next one."""
    latest = RuleVersion.objects.filter(rule=rule).order_by("-number").values_list("number", flat=True).first()
    version: RuleVersion = RuleVersion.objects.create(
        tenant_id=rule.tenant_id,
        rule=rule,
        number=(latest or 0) + 1,
        created_by=author,
        created_at=now,
        **columns(content),
        **fields,
    )
    return version


def rule_named(*, code: str, tenant_id: int, now: datetime) -> Rule:
    found: tuple[Rule, bool] = Rule.objects.get_or_create(tenant_id=tenant_id, code=code, defaults={"created_at": now})
    return found[0]


def move_to_shadow(*, version: RuleVersion, actor: User | None, now: datetime) -> None:
    _make_room(version, State.SHADOW, actor, now)
    version.state = State.SHADOW
    version.submitted_by, version.submitted_at = actor, now
    version.save(update_fields=["state", "submitted_by", "submitted_at"])


def move_to_live(*, version: RuleVersion, actor: User | None, now: datetime, approved_by: User | None = None) -> None:
    _make_room(version, State.LIVE, actor, now)
    version.state = State.LIVE
    version.live_at = version.live_at or now
    if approved_by is not None and version.approved_by_id is None:
        version.approved_by, version.approved_at = approved_by, now
    version.retired_by = version.retired_at = None
    version.save(
        update_fields=["state", "live_at", "approved_by", "approved_at", "retired_by", "retired_at"],
    )


def move_to_retired(*, version: RuleVersion, actor: User | None, now: datetime) -> None:
    version.state = State.RETIRED
    version.retired_by, version.retired_at = actor, now
    version.save(update_fields=["state", "retired_by", "retired_at"])


def back_to_shadow(*, version: RuleVersion) -> None:
    version.state = State.SHADOW
    version.retired_by = version.retired_at = None
    version.save(update_fields=["state", "retired_by", "retired_at"])


def _make_room(version: RuleVersion, state: str, actor: User | None, now: datetime) -> None:
    """A rule has one version in each of these states: the one there makes room."""
    for other in RuleVersion.objects.filter(rule_id=version.rule_id, state=state).exclude(pk=version.pk):
        move_to_retired(version=other, actor=actor, now=now)
