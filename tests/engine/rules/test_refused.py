"""What does not get through: each text below is refused with a place inside it, and nothing but a RuleSyntaxError."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.engine.rules import RuleSyntaxError, canonical, compile_polars, compile_python, parse
from tests.engine.rules.cast import CATALOGUE, INDEX, LIST_NAMES, LISTS, row

HOSTILE = [
    "amount", "country", "1", "'text'", "NULL", "amount + 1", "COALESCE(NULL)", "CASE WHEN night THEN NULL END",
    "amount.attempts > 1", "amount.__class__ = 1", "row[0] > 1", "amount[0] > 1", "a.b.c.d", "().__class__",
    "__import__('os')", "eval('1')", "exec('x') = 1", "open('f') = 'x'", "getattr(country, 'x') = 'y'",
    "(SELECT 1) = 1", "SELECT 1", "amount IN (SELECT 1)", "EXISTS (SELECT 1)", "amount > ALL (SELECT 1)",
    "SUM(amount) OVER () > 1", "COUNT(*) > 1", "ROW_NUMBER() > 1", "amount > 1; amount > 2", "amount > 1;", ";",
    "DROP TABLE payments", "amount > 1 UNION SELECT 1", "amount > 1 LIMIT 1", "amount > 1 -- why",
    "amount > 1 /* why */", "amount > 1 # why", "amount--1 > 1", "CAST(amount AS INT) = 1", "amount::int = 1",
    "TRY_CAST(amount AS INT) = 1", "DATE '2026-01-01' = 1", "INTERVAL '1' DAY", "amount ** 2 > 1", "amount ^ 2 > 1",
    "POWER(amount, 99999) > 1", "REPEAT('a', 1000000000) = country", "country || 'a' = 'b'", "amount || 1",
    "amount DIV 2 = 1", "~attempts = 1", "attempts & 1 = 1", "attempts | 1 = 1", "attempts << 2 > 1",
    "country -> 'a' = 'b'", "country ->> '$.a' = 'b'", "@amount > 1", "$1 > 1", "? > 1", "{amount} > 1",
    "{{ amount }} > 1", "amount > 0x1F", "amount > 0b1", "country = x'ab'", "country = N'FR'", "country = b'1'",
    "country = E'a'", 'country = "FR"', '"amount" > 1', "`amount` > 1", "[amount] > 1", "country LIKE 'a' ESCAPE 'b'",
    "country ILIKE 'a'", "country SIMILAR TO 'a'", "country RLIKE 'a'", "country ~ 'a'",
    "REGEXP_LIKE(country, '(a+)+$')", "country LIKE source", "country LIKE ANY ('a', 'b')", "country LIKE 1",
    "amount LIKE 'a'", "amount = attempts = devices", "amount < attempts < devices", "amount = attempts < devices",
    "country = source = night", "amount IS TRUE", "night IS TRUE", "amount IS DISTINCT FROM 1",
    "amount IS NOT NOT NULL", "amount IS 1", "amount IS", "amount = NULL", "NULL = NULL", "amount <> NULL",
    "amount + NULL > 1", "amount BETWEEN NULL AND 2", "NULL IN (1)", "night > TRUE", "night < first_payment",
    "night BETWEEN FALSE AND TRUE", "amount = 'a'", "country = 1", "night = 1", "amount AND night", "NOT amount",
    "night OR 1", "country AND TRUE", "-country = 'a'", "-night", "+amount > 1", "amount + country > 1",
    "night + 1 > 1", "amount IN ('a')", "amount IN (1, 'a')", "amount IN (attempts)", "amount IN ()", "amount IN (1,)",
    "amount IN (,1)", "amount IN ((1))", "amount IN (1 + 1)", "amount IN 1", "amount IN", "(amount, 1) IN (1)",
    "amount IN (NULL) IN (TRUE)", "amount IN list('risky')", "country IN list()", "list()", "list(country)",
    "list('a', 'b')", "list('risky') + 1 > 1", "list(NULL)", "list('')", "list(1)", "country IN list(source)", "LIST",
    "list", "country = list('risky')", "ABS() > 1", "ABS(1, 2) > 1", "ABS(country) > 1", "ABS(*) > 1",
    "ABS(DISTINCT amount) > 1", "LOWER(amount) = 'a'", "ROUND(amount, attempts) > 1", "ROUND(amount, 11) > 1",
    "ROUND(amount, 0.5) > 1", "ROUND(amount, 99999999999) > 1", "STARTS_WITH(country)", "COALESCE() = 1",
    "COALESCE(amount, country) = 1", "LEAST(country, source) = 'a'", "ABS(amount", "CASE END", "CASE WHEN night END",
    "CASE WHEN night THEN 1", "CASE WHEN night THEN 1 ELSE 'a' END = 1", "CASE WHEN THEN 1 END = 1",
    "CASE amount WHEN 'a' THEN 1 END = 1", "CASE amount WHEN NULL THEN 1 END = 1", "CASE WHEN amount THEN 1 END = 1",
    "CASE CASE WHEN night THEN 1 END WHEN 1 THEN 1 END = 1", "WHEN night THEN 1", "END", "night END", "night THEN",
    "ELSE", "9007199254740993 = amount", "99999999999999999999 = amount", "1e999 = amount", "1. = amount",
    ".5 = amount", "1..2 = amount", "1.2.3 = amount", "1_000 = amount", "1a = amount", "1e = amount", "0x = amount",
    "١ = amount", ":missing > 1", ": > 1", ":1 > 1", "::limit", "%s", "%(amount)s > 1", "country = 'open", "'", "''",
    "country = 'a' 'b'", "(", ")", "()", "(night", "night)", "((night)", "(night))", ")night(", "night night",
    "night AND", "AND night", "AND", "NOT", "night AND AND night", "night NOT night", "NOT", "amount >", "> 1",
    "amount > > 1", "amount => 1", "amount == 1", "amount =! 1", "amount >< 1", "*", "amount *", "* amount",
    "amount > *", "amount BETWEEN 1", "amount BETWEEN 1 OR 2", "amount BETWEEN 1 AND", "amount NOT 1", "NOT IN (1)",
    "amount > NOT night", "night = NOT night", "lambda x: x", "x -> x", "night\0", "country = 'a\0'",
    "country = '\ud800'", "é > 1", "amount > 1\\", "amount > 1\u00a0", "\ufeffnight", "night\x0b", "nіght",
    "amount AS x", "DISTINCT night", "night IF night", "IF(night, 1, 2) = 1", "amount > 1 ? 1 : 2", "amount !> 1",
    "amount <=> 1", "amount := 1", "TRUE(1)", "NULL()",
]  # fmt: skip
GIANT = [
    "(" * 33 + "night" + ")" * 33, "(" * 1900 + "night" + ")" * 1900, "NOT " * 33 + "night",
    "NOT(" * 900 + "night" + ")" * 900, "- " * 1500 + "amount > 1", "-" * 3000 + "1", "NOT night = " * 250 + "night",
    "amount BETWEEN 1 AND NOT " * 150 + "night", "CASE WHEN " * 300 + "night", "CASE " * 700,
    "ABS(" * 900 + "amount" + ")" * 900 + " > 1", "COALESCE(" * 300, "(" * 4000, ")" * 4000,
    "+".join(["amount"] * 100) + " > 1", " OR ".join(["amount=1"] * 350), "amount IN (" + ",".join(["1"] * 1001) + ")",
    "CASE attempts " + "WHEN 1 THEN 1 " * 51 + "END = 1", "COALESCE(" + ",".join(["amount"] * 17) + ") > 1",
    f"country LIKE '{'%a' * 11}_{'%a' * 10}'", f"country LIKE '{'a' * 201}'", "night OR " * 600 + "night",
    "'" + "a" * 3999, "9" * 3990 + " = amount", "a" * 3990, "x" * 3000 + "(1)", "list('" + "a" * 65 + "')",
    "amount IN (" * 360, ":" + "a" * 3000, "NOT NOT NOT - NOT " * 100 + "night",
    "night = (" * 400 + "night" + ")" * 400, "amount LIKE " * 300, "IS NOT NULL " * 300,
]  # fmt: skip


def refusal(text: str) -> RuleSyntaxError:
    with pytest.raises(RuleSyntaxError) as caught:
        parse(text, CATALOGUE, lists=LIST_NAMES)
    return caught.value


@pytest.mark.parametrize("text", HOSTILE + GIANT, ids=lambda text: ascii(text[:60]))
def test_it_is_refused_at_a_place_inside_the_text(text):
    error = refusal(text)
    assert 0 <= error.position < len(text)
    assert 1 <= error.length <= len(text) - error.position
    assert (error.code, error.status) == ("invalid_rule", 400)


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_an_empty_text_is_refused(text):
    error = refusal(text)
    assert (error.position, error.length) == (0, len(text))


def test_a_text_beyond_the_limit_is_refused_unread():
    error = refusal("night" + " " * 4_000)
    assert (error.position, error.length) == (4_000, 5)


def run(text: str) -> None:
    try:
        expression = parse(text, CATALOGUE, {"limit": 5, "word": "a"}, LIST_NAMES)
    except RuleSyntaxError as error:
        assert 0 <= error.position <= len(text)
        assert error.position + error.length <= len(text)
        return
    assert parse(canonical(expression), CATALOGUE, {"limit": 5, "word": "a"}) == expression
    assert compile_python(expression, INDEX)(row(amount=5.0, night=True, country="FR"), LISTS) in (True, False)
    compile_polars(expression, LISTS.members)


SOUP = [
    *CATALOGUE, *LIST_NAMES, "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL", "TRUE", "FALSE", "CASE", "WHEN",
    "THEN", "ELSE", "END", "ABS(", "COALESCE(", "ROUND(", "LOWER(", "list('risky')", "list(", "(", "(", ")", ")", ",",
    "=", "<>", "<", ">=", "+", "-", "*", "/", "%", "1", "0", "2.5", "'FR'", "'%a_'", ":limit", ":word", "SELECT",
    "FROM", "::", ".", "||", "--", "'", '"',
]  # fmt: skip


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text):
    run(text)


@given(st.lists(st.sampled_from(SOUP), max_size=25).map(" ".join))
@settings(max_examples=600, deadline=None)
def test_any_soup_of_words_is_read_or_refused(text):
    run(text)


PIECES = [
    "amount > 1",
    "night",
    "country = 'FR'",
    "NOT",
    "AND",
    "OR",
    "(",
    ")",
    "IS NULL",
    "IN (1, NULL)",
    "CASE WHEN",
    "THEN",
    "END",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_any_soup_of_conditions_is_read_or_refused(text):
    run(text)
