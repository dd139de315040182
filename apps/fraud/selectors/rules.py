"""Rules and rule sets, read: what is in force, what a snapshot held, how two of them differ."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from apps.fraud.engine.rule_text import RuleText, Sentence, Validity, rule_write, rules_diff
from apps.fraud.engine.ruleset import snapshot_read
from apps.fraud.models import ActiveRuleSet, Rule, RuleSet, RuleVersion
from kivendtout.lib.clock import event_time

IN_FORCE: Final = (RuleVersion.State.LIVE, RuleVersion.State.SHADOW)


def microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else event_time(moment)


def rule_versions(*, rule: Rule) -> list[RuleVersion]:
    people = ("created_by", "submitted_by", "approved_by", "retired_by")
    return list(RuleVersion.objects.filter(rule=rule).select_related("rule", *people).order_by("-number"))


def versions_in_force() -> list[RuleVersion]:
    """Of the tenant in force, by code; a rule has one live version and one in shadow at most."""
    found = RuleVersion.objects.filter(state__in=IN_FORCE).select_related("rule")
    return list(found.order_by("rule__code", "state"))


def rule_text(*, version: RuleVersion, shadow: bool = False) -> RuleText:
    return RuleText(
        code=version.rule.code,
        expression=version.expression,
        points=version.points,
        action=version.action,  # type: ignore[arg-type]  # the table holds no other
        severity=version.severity,  # type: ignore[arg-type]
        owner=version.owner,
        tags=tuple(version.tags),
        state="shadow" if shadow else "live",
        sentence=Sentence(version.sentence_fr, version.sentence_en),
        parameters=version.parameters,
        validity=Validity(version.valid_from, version.valid_until),
    )


def file_name(code: str, *, shadow: bool) -> str:
    """Without its ending. A rule's live version and the one on trial stand side by side."""
    return f"{code}.shadow" if shadow else code


def texts_of(texts: Iterable[RuleText]) -> dict[str, str]:
    return {file_name(text.code, shadow=text.state == "shadow"): rule_write(text) for text in texts}


def ruleset_active() -> RuleSet | None:
    found = ActiveRuleSet.objects.select_related("ruleset").first()
    return found.ruleset if found else None


def ruleset_numbered(*, number: int) -> RuleSet | None:
    return RuleSet.objects.filter(number=number).first()


def ruleset_before(*, ruleset: RuleSet) -> RuleSet | None:
    return RuleSet.objects.filter(number__lt=ruleset.number).order_by("-number").first()


def ruleset_versions(*, ruleset: RuleSet) -> list[tuple[RuleVersion, bool]]:
    """The versions that the snapshot holds, each with whether it was in shadow, by code."""
    rules = snapshot_read(ruleset.content).rules
    numbers = {(rule.code, rule.version) for rule in rules}
    found = RuleVersion.objects.filter(rule__code__in={rule.code for rule in rules}).select_related("rule")
    known = {(one.rule.code, one.number): one for one in found if (one.rule.code, one.number) in numbers}
    return [(known[rule.code, rule.version], rule.shadow) for rule in rules]


def ruleset_texts(*, ruleset: RuleSet) -> dict[str, str]:
    """File name without ending → text."""
    return texts_of(rule_text(version=one, shadow=shadow) for one, shadow in ruleset_versions(ruleset=ruleset))


def ruleset_diff(*, before: RuleSet | None, after: RuleSet) -> str:
    old = ruleset_texts(ruleset=before) if before else {}
    names = (f"#{before.number}" if before else "#0", f"#{after.number}")
    return rules_diff(old, ruleset_texts(ruleset=after), names)
