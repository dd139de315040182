"""What rule sets say of every row of a feature matrix: a scorer's thresholds are chosen beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from django.utils.translation import gettext_noop

from apps.fraud.engine.features.catalogue import CATALOGUE, INDEX
from apps.fraud.engine.rules import RuleSyntaxError, lists, names, parse
from apps.fraud.engine.ruleset import SnapshotRule, snapshot_read
from apps.fraud.scorers.training.operating import CHALLENGE, DENY, RulesSaid
from apps.fraud.selectors.list_columns import list_bases
from apps.fraud.selectors.rules import ruleset_active
from apps.fraud.services.backtest import hits_column, in_force, matrix_columns
from apps.fraud.services.rule_files import shipped_rules, shipped_sets
from apps.fraud.services.ruleset_compare import ruleset_of
from kivendtout.lib.errors import InvalidInput

OWN: Final = "own"
"""The rule set that decides for the tenant now."""
NO_RULES: Final = "none"


class RulesUnknown(InvalidInput):
    code = "unknown_rules"
    message = gettext_noop("There is no rule set %(name)r to stand beside the scorer. There are: %(known)s.")


def rules_beside(asked: str) -> str:
    """Which set decides beside the scorer: a tenant without an active one has none."""
    known = [OWN, NO_RULES, *shipped_sets()]
    if asked not in known:
        raise RulesUnknown(name=asked, known=", ".join(known))
    return NO_RULES if asked == OWN and ruleset_active() is None else asked


def rules_by_name(path: Path, beside: str) -> dict[str, RulesSaid]:
    """The set that will decide beside the scorer first, then each shipped set, for comparison."""
    found: dict[str, RulesSaid] = {}
    if beside == OWN:
        active = ruleset_active()
        if active is not None:
            found[str(active)] = rules_said(path, snapshot_read(active.content).rules)
    for name in sorted(shipped_sets(), key=lambda one: one != beside):
        found[name] = rules_said(path, ruleset_of(shipped_rules(name=name), name, INDEX).rules)
    return found


def rules_said(path: Path, rules: Sequence[SnapshotRule]) -> RulesSaid:
    """Row by row, in the order of the file. A rule that reads what the file does not have says nothing."""
    live = [rule for rule in rules if not rule.shadow]
    columns = _columns(path, live)
    hits = pl.scan_parquet(path).select(pl.col("reference_id"), **columns).collect()
    points, floor = np.zeros(len(hits), dtype=np.int64), np.zeros(len(hits), dtype=np.int8)
    allowed = np.zeros(len(hits), dtype=bool)
    for rule in live:
        if rule.code not in columns:
            continue
        hit = hits[rule.code].to_numpy()
        points += hit * (rule.points or 0)
        floor = np.maximum(floor, hit * {"challenge": CHALLENGE, "deny": DENY}.get(rule.action, 0)).astype(np.int8)
        allowed |= hit & (rule.action == "allow")
    return RulesSaid(points, floor, allowed)


def _columns(path: Path, rules: Sequence[SnapshotRule]) -> dict[str, pl.Expr]:
    """Lists are looked up only where a rule reads one: a file alone needs no tenant."""
    known, found = set(matrix_columns(path)), {}
    for rule in rules:
        try:
            expression = parse(rule.expression, CATALOGUE, rule.parameters)
        except RuleSyntaxError:  # of a snapshot older than the catalogue
            continue
        used = lists(expression)
        if {*names(expression), *(list_bases(used) if used else ())} <= known:
            found[rule.code] = in_force(rule, hits_column(expression, path))
    return found
