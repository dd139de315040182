from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.engine.rules import compile_polars, compile_python, nodes, parse
from apps.fraud.engine.rules.like import python_matcher, rust_regex
from tests.engine.rules.cast import CATALOGUE, INDEX, LISTS, row
from tests.engine.rules.reference import matches

letters = st.text(st.sampled_from("ab%_.\n日"), max_size=12)


@given(letters, st.text(st.sampled_from("ab%%__.\n日"), max_size=10))
@settings(max_examples=500, deadline=None)
def test_both_engines_match_as_the_plain_definition_does(text, pattern):
    wanted = matches(text, pattern)
    assert (python_matcher(pattern)(text) is not None) is wanted
    assert pl.Series([text]).str.contains(rust_regex(pattern)).to_list() == [wanted]
    rule = nodes.Expression(nodes.Like(nodes.FeatureRef("country", "text"), nodes.Const(pattern, "text")))
    assert compile_python(rule, INDEX)(row(country=text), LISTS) is wanted
    assert pl.DataFrame({"country": [text]}).select(compile_polars(rule)).to_series().to_list() == [wanted]


def test_a_hostile_pattern_ends_on_a_long_text():
    rule = compile_python(parse(f"country LIKE '{'%a' * 9}%b'", CATALOGUE), INDEX)
    assert rule(row(country="a" * 200_000), LISTS) is False
