"""A rule as text that people review: one TOML file a rule, written the same way every time."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import unified_diff
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from apps.fraud.engine.rules.errors import gettext_noop
from apps.fraud.engine.ruleset import Parameter
from kivendtout.lib.errors import InvalidInput


class RuleTextInvalid(InvalidInput):
    code = "invalid_rule_file"
    message = gettext_noop("The rule file %(source)s cannot be used: %(problem)s. Correct it and read it again.")


class Sentence(Struct, frozen=True, forbid_unknown_fields=True):
    fr: Annotated[str, Meta(min_length=1, max_length=300)]
    en: Annotated[str, Meta(min_length=1, max_length=300)]


class Validity(Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from"}):
    start: datetime | None = None
    until: datetime | None = None


class Example(Struct, frozen=True, forbid_unknown_fields=True):
    """Feature values that the rule hits, and some that it misses. A feature that is not named is missing."""

    hits: dict[str, Parameter]
    misses: dict[str, Parameter]


class RuleText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=64)]
    expression: Annotated[str, Meta(min_length=1)]
    points: Annotated[int, Meta(ge=0, le=100)] | None = None
    action: Literal["", "allow", "challenge", "deny"] = ""
    severity: Literal["LOW", "MEDIUM", "HIGH"] = "MEDIUM"
    owner: Annotated[str, Meta(min_length=1, max_length=254)]
    tags: tuple[Annotated[str, Meta(min_length=1, max_length=32)], ...] = ()
    state: Literal["live", "shadow"] = "live"
    sentence: Sentence
    parameters: dict[str, Parameter] = {}
    validity: Validity = Validity()
    example: Example | None = None


def rule_read(text: str, source: str) -> RuleText:
    try:
        rule = msgspec.convert(tomllib.loads(text), RuleText)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise RuleTextInvalid(RuleTextInvalid.message, source=source, problem=str(error)) from error
    if (rule.points is None) == (rule.action == ""):
        raise RuleTextInvalid(ONE_OF_BOTH, source=source)
    for moment in (rule.validity.start, rule.validity.until):
        if moment is not None and moment.tzinfo is None:
            raise RuleTextInvalid(NO_ZONE, source=source)
    return rule


ONE_OF_BOTH: Final = gettext_noop("The rule file %(source)s needs either points or an action. Keep one of the two.")
NO_ZONE: Final = gettext_noop(
    "The rule file %(source)s has a date without a time zone. Write it like 2026-01-31T00:00:00Z."
)


def rule_write(rule: RuleText) -> str:
    lines = [f"code = {_value(rule.code)}", f"expression = {_text(rule.expression)}"]
    lines += [f"points = {rule.points}"] if rule.points is not None else [f"action = {_value(rule.action)}"]
    lines += [f"severity = {_value(rule.severity)}", f"owner = {_value(rule.owner)}"]
    lines += [f"tags = [{', '.join(_value(tag) for tag in rule.tags)}]"] if rule.tags else []
    lines += [f"state = {_value(rule.state)}"] if rule.state != "live" else []
    lines += ["", "[sentence]", f"fr = {_value(rule.sentence.fr)}", f"en = {_value(rule.sentence.en)}"]
    lines += _table("parameters", rule.parameters)
    dates = {"from": rule.validity.start, "until": rule.validity.until}
    lines += _table("validity", {name: value for name, value in dates.items() if value is not None})
    if rule.example is not None:
        lines += _table("example.hits", rule.example.hits) + _table("example.misses", rule.example.misses)
    return "\n".join(lines) + "\n"


def rules_diff(before: Mapping[str, str], after: Mapping[str, str], names: tuple[str, str]) -> str:
    """What a reviewer reads: rule by rule, in the order of their codes."""
    parts: list[str] = []
    for code in sorted({*before, *after}):
        old, new = before.get(code, ""), after.get(code, "")
        here, there = (f"{name}/{code}.toml" for name in names)
        parts += unified_diff(old.splitlines(True), new.splitlines(True), here, there)
    return "".join(parts)


def _table(name: str, values: Mapping[str, Any]) -> list[str]:
    return ["", f"[{name}]", *(f"{key} = {_value(values[key])}" for key in sorted(values))] if values else []


def _value(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    # JSON's strings are TOML's but for one sign that TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _text(value: str) -> str:
    if "\n" not in value:
        return _value(value)
    lines = [_value(line)[1:-1] for line in value.split("\n")]
    return '"""\n' + "\n".join(lines) + '"""'
