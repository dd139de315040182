from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.fraud.engine.rates import REFERENCE_RATES, euro_cents
from apps.payments.currencies import CURRENCIES
from kivendtout.lib.money import LARGEST

AMOUNT = st.decimals(min_value=0, max_value=LARGEST, places=3, allow_nan=False, allow_infinity=False)
CURRENCY = st.sampled_from(sorted(REFERENCE_RATES))


def test_every_currency_that_the_product_starts_with_has_a_rate() -> None:
    assert {code for code, *_ in CURRENCIES} <= set(REFERENCE_RATES)


def test_every_rate_is_a_plain_positive_decimal_under_three_letters() -> None:
    for code, rate in REFERENCE_RATES.items():
        assert re.fullmatch("[A-Z]{3}", code)
        assert re.fullmatch(r"\d+(\.\d+)?", rate) and Decimal(rate) > 0, code


def test_pegs_to_the_euro_are_exact() -> None:
    assert (REFERENCE_RATES["XOF"], REFERENCE_RATES["XAF"], REFERENCE_RATES["BAM"]) == ("655.957", "655.957", "1.95583")


def test_a_currency_tied_to_the_dollar_moves_with_it() -> None:
    for code, per_dollar in {"AED": "3.6725", "SAR": "3.75", "QAR": "3.64", "JOD": "0.709", "BHD": "0.376"}.items():
        through_the_dollar = Decimal(REFERENCE_RATES["USD"]) * Decimal(per_dollar)
        assert float(REFERENCE_RATES[code]) == pytest.approx(float(through_the_dollar), rel=0.002), code


@pytest.mark.parametrize(
    ("amount", "currency", "cents"),
    [
        ("113.00", "USD", 10000),
        ("655957", "XOF", 100000),
        ("655.957", "XAF", 100),
        ("16900", "JPY", 10000),
        ("1.95583", "BGN", 100),
        ("0.00", "USD", 0),
        ("0.01", "IDR", 0),
    ],
)
def test_known_amounts_are_worth_what_the_table_says(amount: str, currency: str, cents: int) -> None:
    assert euro_cents(Decimal(amount), currency) == cents


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("12.34", 1234), ("12.344", 1234), ("12.345", 1235), ("0.005", 1), ("0.0049999", 0), ("2", 200), ("1E+3", 100000)],
)
def test_half_a_cent_of_euros_counts_as_a_cent(amount: str, cents: int) -> None:
    assert euro_cents(Decimal(amount), "EUR") == cents


def test_half_a_cent_after_the_exchange_counts_as_a_cent_and_a_hair_less_does_not() -> None:
    assert euro_cents(Decimal("0.00565"), "USD") == 1  # 0.5 cents to the dot
    assert euro_cents(Decimal("0.00564999"), "USD") == 0
    assert euro_cents(Decimal("0.01695"), "USD") == 2


def test_a_refund_rounds_like_the_payment_that_it_undoes() -> None:
    assert euro_cents(Decimal("-12.345"), "EUR") == -1235
    assert euro_cents(Decimal("-0.00565"), "USD") == -1


@given(st.integers(min_value=0, max_value=10**15))
def test_euros_are_worth_their_exact_cents(cents: int) -> None:
    assert euro_cents(Decimal(cents).scaleb(-2), "EUR") == cents


@given(AMOUNT, CURRENCY)
def test_every_amount_agrees_with_decimal_arithmetic_of_many_digits(amount: Decimal, currency: str) -> None:
    with localcontext() as context:
        context.prec = 200
        exact = amount * 100 / Decimal(REFERENCE_RATES[currency])
        assert euro_cents(amount, currency) == int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@given(AMOUNT, CURRENCY)
def test_the_thread_s_decimal_precision_changes_nothing(amount: Decimal, currency: str) -> None:
    usual = euro_cents(amount, currency)
    with localcontext() as context:
        context.prec = 3
        assert euro_cents(amount, currency) == usual


@given(AMOUNT, AMOUNT, CURRENCY)
def test_more_money_is_never_worth_less(a: Decimal, b: Decimal, currency: str) -> None:
    less, more = sorted((a, b))
    worth_less, worth_more = euro_cents(less, currency), euro_cents(more, currency)
    assert worth_less is not None and worth_more is not None and worth_less <= worth_more


@pytest.mark.parametrize("currency", ["", "XXX", "eur", "BTC"])
def test_a_currency_without_a_rate_is_worth_an_unknown_sum(currency: str) -> None:
    assert euro_cents(Decimal("10.00"), currency) is None
