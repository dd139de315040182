"""An error names the problem, points at the character, and says what to write instead."""

from __future__ import annotations

import pytest

from apps.fraud.engine.rules import RuleSyntaxError, parse
from tests.engine.rules.cast import CATALOGUE, LIST_NAMES

# The text, what is pointed at, and a part of the sentence.
POINTED = [
    ("amuont > 1", "amuont", "There is no feature 'amuont' (character 1). Did you mean 'amount'?"),
    ("night AND  Amount > 1", "Amount", "(character 12). Did you mean 'amount'?"),
    ("zzz = 1", "zzz", "There is no feature 'zzz' (character 1). Take one from the catalogue."),
    ("amount > 1 AND RUOND(amount) = 2", "RUOND", "There is no function 'RUOND' (character 16). Did you mean 'ROUND'?"),
    ("country IN list('rysky')", "'rysky'", "There is no list 'rysky' (character 17). Did you mean 'risky'?"),
    ("amount > :limt", ":limt", "There is no parameter ':limt' (character 10). Did you mean ':limit'?"),
    ("amount > :zz", ":zz", "Give it a value beside the rule."),
    ("night AND amount = 'x'", "'x'", "A number and a text cannot be used together (character 20)"),
    ("night AND amount", "amount", "A condition is needed at character 11, and this is a number"),
    ("night OR (amount + 1)", "amount + 1", "A condition is needed"),
    ("ABS(country) = 1", "country", "A number is needed at character 5, and this is a text"),
    ("amount = NULL", "NULL", "Write IS NULL or IS NOT NULL"),
    ("night AND amount = attempts = devices", "amount = attempts", "Comparisons do not chain (character 11)"),
    ("night > TRUE", "TRUE", "TRUE and FALSE have no order"),
    ('country = "FR"', '"', "single quotes"),
    ("country = 'FR", "'FR", "no closing quote"),
    ("night -- really", "-", "Comments have no place here"),
    ("(night OR (night)", "(", "The parenthesis at character 1 is never closed"),
    ("night) OR night", ")", "Nothing was opened for the parenthesis at character 6"),
    ("CASE WHEN night THEN 1 = 1", "CASE", "CASE at character 1 has no END"),
    ("amount > 12abc", "12abc", "'12abc' at character 10 is not a number"),
    ("amount = 9007199254740993", "9007199254740993", "beyond 9007199254740992"),
    ("amount < 1e400", "1e400", "too large"),
    ("night night", "night", "stops making sense at character 7"),
    ("night;", ";", "The sign ; at character 6 has no meaning here"),
    ("amount IS 3", "3", "IS at character 11 goes only with NULL"),
    ("amount IN (1, attempts)", "attempts", "A plain value is needed at character 15"),
    ("amount IN list('risky')", "amount", "IN list(…) looks up texts"),
    ("ROUND(amount, 99) = 1", "99", "ROUND takes a whole number of digits"),
    ("ROUND(amount, 1, 2) = 1", "ROUND", "ROUND takes 1-2 argument(s), and has 3"),
    ("CASE WHEN night THEN 1 ELSE 'a' END = 1", "'a'", "A number and a text cannot be used together"),
    ("CASE WHEN night THEN NULL END = 1", "night THEN NULL", "Every result is NULL"),
    ("country LIKE '" + "%" * 21 + "'", "'" + "%" * 21 + "'", "more than 20 wildcards"),
]


@pytest.mark.parametrize(("text", "pointed", "said"), POINTED, ids=[text[:40] for text, _, _ in POINTED])
def test_the_error_points_at_what_is_wrong_and_says_so(text, pointed, said):
    with pytest.raises(RuleSyntaxError) as caught:
        parse(text, CATALOGUE, {"limit": 100}, LIST_NAMES)
    error = caught.value
    assert text[error.position : error.position + error.length] == pointed
    assert said in error.message


def test_a_place_counts_the_characters_that_a_person_sees():
    with pytest.raises(RuleSyntaxError) as caught:
        parse("country = '日本𝒳' AND\n amuont > 1", CATALOGUE)
    assert caught.value.position == 21


@pytest.mark.parametrize("value", [None, [1], float("inf"), float("nan"), 2**53 + 1, "a" * 201, "\0", "\ud800", {}, 1j])
def test_a_parameter_is_a_number_a_short_text_or_a_truth(value):
    with pytest.raises(RuleSyntaxError, match="The parameter 'limit' cannot be used"):
        parse("amount > :limit", CATALOGUE, {"limit": value})


@pytest.mark.parametrize("name", ["", "a b", "1a", "a" * 65, "é", 3])
def test_a_parameter_has_a_plain_name(name):
    with pytest.raises(RuleSyntaxError, match="cannot be used"):
        parse("night", CATALOGUE, {name: 1})


def test_too_many_parameters_are_refused():
    with pytest.raises(RuleSyntaxError, match="more than 50 parameters"):
        parse("night", CATALOGUE, {f"p{place}": place for place in range(51)})
