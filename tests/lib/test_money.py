from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kivendtout.lib.errors import InvalidInput
from kivendtout.lib.money import LARGEST, parse_amount


@given(st.decimals(min_value=0, max_value=LARGEST, places=2, allow_nan=False, allow_infinity=False))
def test_an_amount_comes_back_exactly_as_written(amount: Decimal) -> None:
    assert parse_amount(str(amount)) == amount


@pytest.mark.parametrize("raw", ["", "abc", "NaN", "Infinity", "-1", "1e30", "1,5", "0x10", "\x001"])
def test_what_is_no_amount_is_refused_with_a_sentence(raw: str) -> None:
    with pytest.raises(InvalidInput, match="amount"):
        parse_amount(raw)


def test_a_float_is_refused_because_it_has_lost_its_cents_already() -> None:
    with pytest.raises(InvalidInput, match="floating-point"):
        parse_amount(1.1)  # type: ignore[arg-type]


@pytest.mark.parametrize(("raw", "digits"), [("1.005", 2), ("100.5", 0), ("0.0001", 3)])
def test_digits_that_the_currency_does_not_have_are_refused(raw: str, digits: int) -> None:
    with pytest.raises(InvalidInput, match="minor digits"):
        parse_amount(raw, digits)


def test_a_yen_has_no_cents_and_a_dinar_has_three() -> None:
    assert str(parse_amount("1500", 0)) == "1500"
    assert str(parse_amount("1.5", 3)) == "1.500"
