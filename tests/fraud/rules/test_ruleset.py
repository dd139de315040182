"""A snapshot compiled: what hits, when, and what stays the same to the byte."""

from __future__ import annotations

from typing import Any

import pytest

from apps.fraud.engine.features.catalogue import INDEX
from apps.fraud.engine.rules import NO_LISTS, ListHits, RuleSyntaxError
from apps.fraud.engine.ruleset import (
    NO_RULES,
    CompiledRuleSet,
    Snapshot,
    SnapshotRule,
    snapshot_digest,
    snapshot_read,
    snapshot_text,
)
from tests.fraud.rules.conftest import row_of

KINDS = {"amount_eur": "number", "is_mobile": "boolean", "merchant_country": "text", "currency": "text"}


def rule(code: str, expression: str, **fields: Any) -> SnapshotRule:
    return SnapshotRule(**{"code": code, "version": 1, "expression": expression, "points": 10, **fields})


def compiled(*rules: SnapshotRule, index: dict[str, int] = INDEX) -> CompiledRuleSet:
    text = snapshot_text(Snapshot(catalogue_version="x", features=KINDS, rules=rules))  # type: ignore[arg-type]
    return CompiledRuleSet(text, index, number=7, name="recommended")


def test_it_names_itself_as_decisions_show_it() -> None:
    assert str(compiled()) == "recommended #7"


def test_rules_that_hit_come_with_what_a_decision_tells_of_them() -> None:
    ruleset = compiled(
        rule("BIG", "amount_eur > :limit", parameters={"limit": 100}, fr="Gros.", en="Large.", severity="HIGH"),
        rule("MOBILE", "is_mobile", points=None, action="challenge"),
        rule("EUROS", "currency = 'EUR'"),
    )
    hits = ruleset.evaluate(row_of(amount_eur=150.0, is_mobile=True, currency="USD"), NO_LISTS, 0)
    assert [hit.code for hit in hits] == ["BIG", "MOBILE"]
    assert (hits[0].points, hits[0].fr, hits[0].en, hits[0].severity) == (10, "Gros.", "Large.", "HIGH")
    assert (hits[1].points, hits[1].action) == (0, "challenge")
    assert ruleset.points(hits) == 10


def test_rules_in_shadow_hit_apart() -> None:
    ruleset = compiled(rule("BIG", "amount_eur > 100"), rule("BIG", "amount_eur > 50", version=2, shadow=True))
    row = row_of(amount_eur=75.0)
    assert ruleset.evaluate(row, NO_LISTS, 0) == ()
    assert [(hit.code, hit.version) for hit in ruleset.shadow(row, NO_LISTS, 0)] == [("BIG", 2)]


def test_dates_count_by_the_payments_own_time_the_end_excluded() -> None:
    ruleset = compiled(rule("SALE", "is_mobile", valid_from=1_000, valid_until=2_000), rule("ALWAYS", "is_mobile"))
    row = row_of(is_mobile=True)
    found = {at: [hit.code for hit in ruleset.evaluate(row, NO_LISTS, at)] for at in (999, 1_000, 1_999, 2_000)}
    assert found == {999: ["ALWAYS"], 1_000: ["ALWAYS", "SALE"], 1_999: ["ALWAYS", "SALE"], 2_000: ["ALWAYS"]}


def test_lists_are_asked() -> None:
    ruleset = compiled(rule("LISTED", "list('stolen_cards')"))
    assert ruleset.evaluate(row_of(), ListHits(frozenset({"stolen_cards"})), 0)
    assert not ruleset.evaluate(row_of(), NO_LISTS, 0)


def test_nothing_hits_a_row_of_missing_values() -> None:
    ruleset = compiled(rule("BIG", "amount_eur > 100"), rule("SMALL", "NOT amount_eur > 100"))
    assert ruleset.evaluate(row_of(), NO_LISTS, 0) == ()


def test_a_row_stored_under_another_catalogue_is_read_by_its_own_index() -> None:
    ruleset = compiled(rule("BIG", "amount_eur > 100"), index={"is_mobile": 0, "amount_eur": 1})
    assert ruleset.evaluate([None, 150.0], NO_LISTS, 0)


def test_a_snapshot_compiles_though_its_feature_has_left_the_catalogue() -> None:
    text = snapshot_text(
        Snapshot(catalogue_version="old", features={"gone": "integer"}, rules=(rule("OLD", "gone > 3"),))
    )
    assert CompiledRuleSet(text, {"gone": 0}).evaluate([4], NO_LISTS, 0)


def test_a_snapshot_compiles_only_what_it_names() -> None:
    with pytest.raises(RuleSyntaxError):
        compiled(rule("BAD", "account_age_days > 1"))


def test_the_order_in_which_rules_came_changes_no_byte() -> None:
    rules = rule("A", "is_mobile"), rule("B", "amount_eur > 1.5", parameters={"b": 1, "a": 2.0})
    kinds: Any = dict(reversed(KINDS.items()))
    one = snapshot_text(Snapshot(catalogue_version="x", features=kinds, rules=rules))
    other = snapshot_text(Snapshot(catalogue_version="x", features=KINDS, rules=rules[::-1]))  # type: ignore[arg-type]
    assert one == other
    assert snapshot_digest(one) == snapshot_digest(snapshot_text(snapshot_read(one)))


def test_without_rules_nothing_hits() -> None:
    assert (NO_RULES.number, NO_RULES.rules) == (0, ())
    assert NO_RULES.evaluate(row_of(amount_eur=1.0), NO_LISTS, 0) == NO_RULES.shadow([], NO_LISTS, 0) == ()
