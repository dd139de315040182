"""Shipped rule sets side by side over a stored period: each judges every payment, alone, as it would live."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl
from msgspec import Struct

from apps.compliance.models import Tenant
from apps.fraud.engine.alerting import raises_alert
from apps.fraud.engine.decide import Inputs, Judgement, Policy, RuleHit, decide
from apps.fraud.engine.features.catalogue import CATALOGUE, VERSION
from apps.fraud.engine.features.feature import Value
from apps.fraud.engine.outcome import Outcome
from apps.fraud.engine.rule_text import RuleText
from apps.fraud.engine.rules import NO_LISTS, names, parse
from apps.fraud.engine.ruleset import CompiledRuleSet, Snapshot, SnapshotRule, snapshot_text
from apps.fraud.selectors.rules import microseconds
from apps.fraud.services.backtest import matrix_columns
from apps.fraud.services.backtest_result import share
from apps.fraud.services.feature_cache import feature_matrix
from apps.fraud.services.history import EVER, Period, Progress
from apps.fraud.services.rule_files import shipped_rules
from kivendtout.lib.tenancy import tenant_scope

ORIGINAL: Final = "kivendtout-original"
SETS: Final = (ORIGINAL, "recommended")
# What each was made for: the users' first policy for the users' first rules.
ALERTS: Final[dict[str, Literal["points", "outcome"]]] = {ORIGINAL: "points"}
SLICE: Final = 100_000
FACTS: Final = ("at", "is_fraud", "amount_eur", "failed")


class RuleFigures(Struct, frozen=True, kw_only=True):
    code: str
    points: int
    action: str
    hits: int
    frauds: int
    precision: float | None


class SetFigures(Struct, frozen=True, kw_only=True):
    """Counts are of distinct payments. `touched` is what was challenged or denied."""

    name: str
    alert_policy: str
    payments: int
    frauds: int
    fraud_eur: float
    alerts: int
    alert_share: float | None
    precision: float | None
    """Of the alerts, how many were frauds."""
    recall: float | None
    """Of the frauds, how many raised an alert."""
    precision_eur: float | None
    recall_eur: float | None
    challenged: int
    denied: int
    deny_precision: float | None
    touched_recall: float | None
    good_touched: int
    good_touched_share: float | None
    rules: tuple[RuleFigures, ...]


@dataclass
class _Tally:
    """Of one rule set: how many payments, frauds and euros fell where."""

    name: str
    policy: Policy
    rules: CompiledRuleSet
    count: Counter[str] = field(default_factory=Counter)
    euros: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    hits: Counter[str] = field(default_factory=Counter)
    caught: Counter[str] = field(default_factory=Counter)
    decided: dict[tuple[RuleHit, ...], tuple[Judgement, Inputs]] = field(default_factory=dict)


def rulesets_compare(
    *,
    tenant_id: int,
    sets: Sequence[str] = SETS,
    period: Period = EVER,
    features: Path | None = None,
    progress: Progress | None = None,
) -> list[SetFigures]:
    """Thresholds are the tenant's defaults. Lists play no part: they are the tenant's, not the sets'."""
    with tenant_scope(tenant_id):
        path = features
        if path is None:
            path, _exported = feature_matrix(tenant=Tenant.objects.get(pk=tenant_id), progress=progress)
    texts = {name: shipped_rules(name=name) for name in sets}
    used = {feature for rules in texts.values() for text in rules for feature in _reads(text)}
    columns = list(dict.fromkeys([*FACTS, *sorted(used)]))
    matrix_columns(path)
    index = {name: place for place, name in enumerate(columns)}
    tallies = [_tally(name, rules, index) for name, rules in texts.items()]
    for row in _rows(path, columns, period):
        for tally in tallies:
            _judge(tally, row)
    return [_figures(tally) for tally in tallies]


def ruleset_of(texts: Sequence[RuleText], name: str, index: dict[str, int]) -> CompiledRuleSet:
    """Compiled from its files, installed or not."""
    used = {feature for text in texts for feature in _reads(text)}
    kinds = {feature: CATALOGUE[feature].kind for feature in sorted(used)}
    rules = tuple(
        SnapshotRule(
            code=text.code,
            version=1,
            expression=text.expression,
            parameters=text.parameters,
            points=text.points,
            action=text.action,
            severity=text.severity,
            fr=text.sentence.fr,
            en=text.sentence.en,
            valid_from=microseconds(text.validity.start),
            valid_until=microseconds(text.validity.until),
            shadow=text.state == "shadow",
        )
        for text in texts
    )
    content = snapshot_text(Snapshot(catalogue_version=VERSION, features=kinds, rules=rules))
    return CompiledRuleSet(content, index, name=name)


def _reads(text: RuleText) -> tuple[str, ...]:
    return names(parse(text.expression, CATALOGUE, text.parameters))


def _tally(name: str, texts: Sequence[RuleText], index: dict[str, int]) -> _Tally:
    return _Tally(name, Policy(alerts=ALERTS.get(name, "outcome")), ruleset_of(texts, name, index))


def _rows(path: Path, columns: Sequence[str], period: Period) -> Iterator[tuple[Any, ...]]:
    matrix = pl.scan_parquet(path).select(columns)
    if period.start is not None:
        matrix = matrix.filter(pl.col("at") >= period.start.astimezone(UTC))
    if period.end is not None:
        matrix = matrix.filter(pl.col("at") < period.end.astimezone(UTC))
    frame = matrix.with_columns(pl.col("at").dt.epoch("us"), pl.col("is_fraud").fill_null(False)).collect()
    for part in frame.iter_slices(SLICE):
        yield from part.iter_rows()


def _judge(tally: _Tally, row: Sequence[Value]) -> None:
    at, fraud, amount, failed = row[:4]
    assert isinstance(at, int)
    euros = amount if isinstance(amount, float) else 0.0
    hits = tally.rules.evaluate(row, NO_LISTS, at)
    judged = tally.decided.get(hits)
    if judged is None:  # the same rules give the same judgement, and most payments meet few sets of them
        inputs = Inputs(policy=tally.policy, rules=hits)
        judged = tally.decided[hits] = (decide(inputs), inputs)
    judgement, inputs = judged
    what = ["all", judgement.outcome]
    if judgement.result > Outcome.ALLOW:
        what.append("touched")
    if raises_alert(inputs, judgement, failed=failed is True):
        what.append("alert")
    for one in what:
        for name in (one, f"{one} fraud") if fraud else (one,):
            tally.count[name] += 1
            tally.euros[name] += euros
    for hit in hits:
        tally.hits[hit.code] += 1
        tally.caught[hit.code] += fraud is True


def _figures(tally: _Tally) -> SetFigures:
    count, euros = tally.count, tally.euros
    good = count["all"] - count["all fraud"]
    touched = count["touched"] - count["touched fraud"]
    return SetFigures(
        name=tally.name,
        alert_policy=tally.policy.alerts,
        payments=count["all"],
        frauds=count["all fraud"],
        fraud_eur=round(euros["all fraud"], 2),
        alerts=count["alert"],
        alert_share=share(count["alert"], count["all"]),
        precision=share(count["alert fraud"], count["alert"]),
        recall=share(count["alert fraud"], count["all fraud"]),
        precision_eur=share(euros["alert fraud"], euros["alert"]),
        recall_eur=share(euros["alert fraud"], euros["all fraud"]),
        challenged=count["CHALLENGE"],
        denied=count["DENY"],
        deny_precision=share(count["DENY fraud"], count["DENY"]),
        touched_recall=share(count["touched fraud"], count["all fraud"]),
        good_touched=touched,
        good_touched_share=share(touched, good),
        rules=tuple(
            RuleFigures(
                code=rule.code,
                points=rule.points or 0,
                action=rule.action,
                hits=tally.hits[rule.code],
                frauds=tally.caught[rule.code],
                precision=share(tally.caught[rule.code], tally.hits[rule.code]),
            )
            for rule in sorted(tally.rules.rules, key=lambda rule: (-tally.hits[rule.code], rule.code))
            if not rule.shadow
        ),
    )
