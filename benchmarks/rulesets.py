"""The shipped rule sets as the engine runs them, without a database."""

from __future__ import annotations

from apps.fraud.engine.features.catalogue import CATALOGUE, INDEX, VERSION
from apps.fraud.engine.ruleset import CompiledRuleSet, Snapshot, SnapshotRule, snapshot_text
from apps.fraud.services.rule_files import shipped_rules


def shipped(name: str) -> CompiledRuleSet:
    rules = tuple(
        SnapshotRule(
            code=rule.code,
            version=1,
            expression=rule.expression,
            parameters=rule.parameters,
            points=rule.points,
            action=rule.action,
            severity=rule.severity,
            fr=rule.sentence.fr,
            en=rule.sentence.en,
        )
        for rule in shipped_rules(name=name)
    )
    kinds = {name: feature.kind for name, feature in CATALOGUE.items()}
    return CompiledRuleSet(
        snapshot_text(Snapshot(catalogue_version=VERSION, features=kinds, rules=rules)), INDEX, name=name
    )
