"""Both shipped sets: each rule hits its example and misses the other, and says so in two languages."""

from __future__ import annotations

import pytest

from apps.fraud.engine.features.catalogue import CATALOGUE, INDEX
from apps.fraud.engine.rule_text import RuleText, RuleTextInvalid, rule_read, rule_write, rules_diff
from apps.fraud.engine.rules import NO_LISTS, compile_python, parameters, parse
from apps.fraud.services.rule_files import SHIPPED, shipped_rules, shipped_sets
from kivendtout.lib.errors import NotFound
from tests.fraud.rules.conftest import row_of

ALL = [(name, rule) for name in shipped_sets() for rule in shipped_rules(name=name)]
each_rule = pytest.mark.parametrize(("name", "rule"), ALL, ids=[f"{name}/{rule.code}" for name, rule in ALL])
# The users' own list, to the point; the five last had none, and have those of their nearest kin.
ORIGINAL = {
    "FIRST_PAYMENT": 40, "NEW_CUSTOMER": 30, "UNUSUAL_HOUR": 35, "MOBILE_DEVICE": 20, "DIRECT_TRAFFIC": 15,
    "PAYMENT_FAILED": 50, "VELOCITY_HIGH": 45, "NEW_DEVICE": 30, "UNUSUAL_AMOUNT": 40, "FAST_CHECKOUT": 35,
    "GEO_MISMATCH": 25, "HIGH_FIRST_AMOUNT": 40, "COUNTRY_MISMATCH": 25, "VELOCITY_ATTEMPTS": 45,
    "DEVICE_IP_SWITCH": 30, "NIGHT_PURCHASE": 35,
}  # fmt: skip


def test_the_original_set_is_the_users_sixteen_with_their_points() -> None:
    assert {rule.code: rule.points for rule in shipped_rules(name="kivendtout-original")} == ORIGINAL


def test_both_sets_ship_and_another_name_is_told_so() -> None:
    assert shipped_sets() == ["kivendtout-original", "recommended"]
    with pytest.raises(NotFound, match="kivendtout-original, recommended"):
        shipped_rules(name="perfect")


@each_rule
def test_a_shipped_rule_hits_its_example_and_misses_the_other(name: str, rule: RuleText) -> None:
    expression = parse(rule.expression, CATALOGUE, rule.parameters)
    hits = compile_python(expression, INDEX)
    assert rule.example is not None
    assert hits(row_of(**rule.example.hits), NO_LISTS)
    assert not hits(row_of(**rule.example.misses), NO_LISTS)
    assert not hits(row_of(), NO_LISTS), "a payment of which nothing is known hits no shipped rule"
    assert set(parameters(expression)) == set(rule.parameters)


@each_rule
def test_a_shipped_file_is_named_for_its_rule_and_written_our_way(name: str, rule: RuleText) -> None:
    file = SHIPPED / name / f"{rule.code}.toml"
    assert file.read_text(encoding="utf-8") == rule_write(rule)
    assert rule.sentence.fr != rule.sentence.en
    assert rule.sentence.fr.endswith(".")
    assert rule.sentence.en.endswith(".")


def test_what_is_written_reads_back_the_same() -> None:
    text = """
        code = "ODD"
        expression = "amount > 1\\n  AND currency = 'a\\"b\\\\c\\u007f'"
        action = "deny"
        owner = "Zoé"
        tags = ["a", "b"]
        state = "shadow"
        [sentence]
        fr = "é « » \u2028"
        en = "x"
        [parameters]
        ratio = 1.5
        word = "w"
        on = true
        [validity]
        from = 2026-01-01T00:00:00+01:00
        until = 2026-02-01T00:00:00Z
    """
    rule = rule_read(text, "odd.toml")
    assert rule_read(rule_write(rule), "again") == rule
    assert "from = 2025-12-31T23:00:00Z" in rule_write(rule)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("code = 'lower'", "code"),
        ("points = 101", "points"),
        ("points = 5\naction = 'deny'", "either points or an action"),
        ("surprise = 1", "surprise"),
        ("= = =", "Invalid"),
        ("tags = 'a'", "tags"),
        ("points = 5\nvalidity = {from = 2026-01-01T00:00:00}", "time zone"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(change: str, told: str) -> None:
    base = {"code": "'X'", "expression": "'failed'", "owner": "'o'", "sentence": "{fr='a', en='b'}"}
    key = change.split(" ")[0]
    text = "\n".join([f"{name} = {value}" for name, value in base.items() if name != key] + [change])
    with pytest.raises(RuleTextInvalid, match=told) as caught:
        rule_read(text, "x.toml")
    assert "x.toml" in caught.value.message


def test_a_diff_reads_rule_by_rule() -> None:
    diff = rules_diff({"A": "points = 1\n", "B": "b\n"}, {"A": "points = 2\n", "C": "c\n"}, ("#1", "#2"))
    assert "--- #1/A.toml\n+++ #2/A.toml" in diff
    for line in ("-points = 1", "+points = 2", "-b", "+c"):
        assert line in diff.splitlines()
    assert rules_diff({"A": "a\n"}, {"A": "a\n"}, ("#1", "#2")) == ""
