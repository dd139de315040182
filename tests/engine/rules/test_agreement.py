"""The property that the language stands on: Python, Polars and the plain interpreter say the same of every row."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.fraud.engine.rules import LIST_COLUMN, canonical, compile_many, compile_polars, compile_python, parse
from apps.fraud.engine.rules.python_compile import compile_value
from tests.engine.rules.cast import CATALOGUE, INDEX, KINDS, LIST_NAMES, LISTS, row
from tests.engine.rules.reference import evaluate
from tests.engine.rules.strategies import rows, rules

TYPES = {"number": pl.Float64, "integer": pl.Int64, "boolean": pl.Boolean, "text": pl.String}
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def frame(table: list[list]) -> pl.DataFrame:
    made = pl.DataFrame(table, schema={name: TYPES[kind] for name, kind in KINDS.items()}, orient="row")
    return made.with_columns(pl.lit(name in LISTS.hits).alias(LIST_COLUMN + name) for name in LIST_NAMES)


@given(rules(), st.lists(rows, min_size=1, max_size=6))
@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
def test_python_and_polars_hit_the_same_rows(expression, table):
    expected = [evaluate(expression.root, row, LISTS) is True for row in table]
    compiled = compile_python(expression, INDEX)
    assert [compiled(row, LISTS) for row in table] == expected
    column = frame(table).select(compile_polars(expression, LISTS.members)).to_series()
    assert column.to_list() == expected


@given(rules(), rows)
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
def test_the_value_of_a_condition_is_true_false_or_none_as_sql_says(expression, row):
    assert compile_value(expression.root, INDEX)(row, LISTS) is evaluate(expression.root, row, LISTS)


@given(st.lists(rules(), min_size=1, max_size=4), rows)
@settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
def test_many_rules_in_one_function_hit_as_they_do_alone(expressions, row):
    alone = [place for place, one in enumerate(expressions) if compile_python(one, INDEX)(row, LISTS)]
    assert compile_many(expressions, INDEX)(row, LISTS) == tuple(alone)


@given(rules())
@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
def test_the_canonical_text_reads_back_as_the_same_tree(expression):
    assert parse(canonical(expression), CATALOGUE) == expression


@pytest.mark.parametrize(
    "text",
    [
        "TRUE",
        "FALSE",
        "NULL OR FALSE",
        "FALSE AND night",
        "TRUE OR night",
        "COALESCE('a', country) = 'a'",
        "list('vip')",
    ],
)
def test_a_rule_that_no_row_changes_is_still_as_long_as_the_history(text):
    table = frame([row(), row(night=True), row(night=False)])
    rule = parse(text, CATALOGUE)
    wanted = compile_python(rule, INDEX)(row(), LISTS)
    assert table.select(compile_polars(rule)).to_series().to_list() == [wanted] * 3
    assert table.lazy().select(compile_polars(rule).sum()).collect().item() == 3 * wanted
    assert table.filter(compile_polars(rule)).height == 3 * wanted
    assert table.clear().select(compile_polars(rule)).height == 0


def test_an_integer_just_beyond_what_float64_holds_counts_as_missing_in_both():
    table = [row(attempts=2**53 + 1), row(attempts=2**53), row(attempts=-(2**63)), row(amount=float("nan"))]
    rule = parse("attempts IS NULL AND amount IS NULL", CATALOGUE)
    assert [compile_python(rule, INDEX)(one, LISTS) for one in table] == [True, False, True, True]
    assert frame(table).select(compile_polars(rule)).to_series().to_list() == [True, False, True, True]
