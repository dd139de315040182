"""What expressions mean, one sentence each; `test_agreement.py` holds Polars to the same."""

from __future__ import annotations

import pytest

from apps.fraud.engine.rules import (
    NO_LISTS,
    ListHits,
    canonical,
    compile_many,
    compile_python,
    explain,
    lists,
    names,
    parameters,
    parse,
)
from tests.engine.rules.cast import CATALOGUE, INDEX, row

ROW = row(amount=120.5, attempts=4, first_payment=True, country="FR", source="Direct", average=0.0)

HITS = [
    "amount > 100", "amount <> 3", "amount != 3", "attempts = 4", "amount BETWEEN 100 AND 120.5",
    "amount NOT BETWEEN 1 AND 2", "first_payment", "NOT first_payment OR amount > 1", "country IN ('DE', 'FR')",
    "country NOT IN ('DE')", "country LIKE 'F%'", "country LIKE '_R'", "country NOT LIKE 'f%'", "night IS NULL",
    "amount IS NOT NULL", "attempts % 3 = 1", "-attempts % 3 = -1", "7 / 2 = 3.5", "1 + 2 * 3 = 7", "(1 + 2) * 3 = 9",
    "10 - 2 - 3 = 5", "-2 * -3 = 6", "first_payment = TRUE", "(amount > 1) = TRUE", "amount / average IS NULL",
    "amount % average IS NULL", "1e308 * 10 IS NULL", "LN(0) IS NULL", "SQRT(-1) IS NULL", "COALESCE(night, TRUE)",
    "COALESCE(average / average, 5) = 5", "LEAST(3, amount, devices) = 3", "GREATEST(3, devices) = 3", "ROUND(2.5) = 3",
    "ROUND(-2.5) = -3", "ROUND(0.49999999999999994) = 0", "ROUND(1234.567, 1) = 1234.6", "ROUND(1250, -2) = 1300",
    "FLOOR(-1.5) = -2", "CEIL(-1.5) = -1", "ABS(-3) = 3", "LOWER(source) = 'direct'", "UPPER('été') = 'ÉTÉ'",
    "LENGTH('日本𝒳') = 3", "STARTS_WITH(source, 'Dir')", "CASE WHEN attempts > 3 THEN 1 ELSE 0 END = 1",
    "CASE country WHEN 'DE' THEN 1 WHEN 'FR' THEN 2 END = 2", "CASE WHEN night THEN TRUE ELSE first_payment END",
    "'B' < 'a'", "'é' > 'z'", "country = 'it''s' OR TRUE", "amount>100 and first_payment", "list('vip')",
    "country IN list('risky')", "NOT list('nothing')", "country NOT IN list('nothing')", "country like '%'",
    "'' LIKE ''", "'a.b' LIKE 'a.b'", "NOT 'axb' LIKE 'a.b'", "0.1 + 0.2 <> 0.3", "attempts = 4.0", "amount > :limit",
    "country = :home",
]  # fmt: skip
MISSES = [
    "night", "NOT night", "night = FALSE", "night OR FALSE", "devices > 0", "NOT devices > 0", "devices <> 1",
    "devices IN (1, 2)", "devices NOT IN (1, 2)", "attempts NOT IN (1, NULL)", "average / average = average / average",
    "CASE WHEN night THEN TRUE END", "devices BETWEEN 0 AND 9", "devices NOT BETWEEN 0 AND 9", "NULL AND TRUE",
    "NULL OR FALSE", "NOT NULL", "COALESCE(night, FALSE)", "country = 'fr'", "country LIKE 'f%'", "list('nothing')",
    "country IN list('nothing')", "country IN list('vip')",
]  # fmt: skip
GIVEN = {"limit": 100, "home": "FR"}
ON = ListHits(frozenset({"vip"}), {"risky": frozenset({"FR"}), "vip": frozenset()})


@pytest.mark.parametrize("text", HITS)
def test_it_hits(text):
    assert compile_python(parse(text, CATALOGUE, GIVEN), INDEX)(ROW, ON) is True


@pytest.mark.parametrize("text", MISSES)
def test_it_misses(text):
    assert compile_python(parse(text, CATALOGUE, GIVEN), INDEX)(ROW, ON) is False


def test_a_value_of_a_row_that_is_no_finite_number_counts_as_missing():
    missing = compile_python(parse("amount IS NULL AND attempts IS NULL", CATALOGUE), INDEX)
    assert missing(row(amount=float("inf"), attempts=2**53 + 1), NO_LISTS)
    assert missing(row(amount=float("nan")), NO_LISTS)


def test_many_rules_give_the_positions_of_those_that_hit():
    rules = [parse(text, CATALOGUE) for text in ("night", "amount > 1", "country IN list('risky')", "attempts > 9")]
    assert compile_many(rules, INDEX)(ROW, ON) == (1, 2)
    assert compile_many([], INDEX)(ROW, ON) == ()


def test_an_expression_tells_its_features_lists_and_parameters():
    text = "amount > :limit AND (country IN list('risky') OR list('vip') OR amount < attempts)"
    rule = parse(text, CATALOGUE, GIVEN)
    assert (names(rule), lists(rule), parameters(rule)) == (
        ("amount", "country", "attempts"),
        ("risky", "vip"),
        ("limit",),
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("amount>1 and(night or not first_payment)", "amount > 1 AND (night OR NOT first_payment)"),
        ("((amount)) != -(2)", "amount <> -2"),
        ("not country in('a',null)", "country NOT IN ('a', NULL)"),
        ("amount-(attempts-1)>1", "amount - (attempts - 1) > 1"),
        ("(amount-attempts)-1>1", "amount - attempts - 1 > 1"),
        ("night and (night and first_payment)", "night AND night AND first_payment"),
        ("night or night and first_payment", "night OR (night AND first_payment)"),
        ("case amount when 1 then 'a' else null end is not null", "CASE amount WHEN 1 THEN 'a' END IS NOT NULL"),
        ("round(amount,2)>= :limit", "ROUND(amount, 2) >= :limit"),
        ("amount = 0.10", "amount = 0.1"),
        ("LIST('it''s')", "list('it''s')"),
    ],
)
def test_there_is_one_way_to_write_it(text, written):
    rule = parse(text, CATALOGUE, GIVEN)
    assert canonical(rule) == written
    assert parse(written, CATALOGUE, GIVEN) == rule


def test_an_explanation_shows_each_condition_with_the_values_it_met():
    rule = parse("amount > 100 AND NOT (country = 'DE' OR night) AND list('vip')", CATALOGUE)
    found = explain(rule, ROW, INDEX, ON)
    assert [(one.text, one.holds, one.helps) for one in found] == [
        ("amount > 100", True, True),
        ("country = 'DE'", False, True),
        ("night", None, False),
        ("list('vip')", True, True),
    ]
    assert [one.values for one in found] == [(("amount", 120.5),), (("country", "FR"),), (("night", None),), ()]


def test_no_text_of_a_rule_reaches_the_source_that_is_run():
    rule = compile_python(parse("country = 'import os' OR source LIKE '%quit()%'", CATALOGUE), INDEX)
    assert rule.__code__.co_names == ("k0", "k1")
    assert rule.__globals__["__builtins__"] == {}


def test_the_largest_permitted_expressions_run():
    for text in (
        "(" * 31 + "night" + ")" * 31 + " IS NULL", "attempts IN (" + ",".join(map(str, range(999))) + ")",
        " OR ".join(["amount=1"] * 160) + " OR TRUE", "+".join(["attempts"] * 30) + " = 120",
        "CASE attempts " + "".join(f"WHEN {n} THEN {n} " for n in range(50)) + "END = 4", "NOT " * 30 + "first_payment",
    ):  # fmt: skip
        assert compile_python(parse(text, CATALOGUE), INDEX)(ROW, ON)
