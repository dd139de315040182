"""Money is a decimal in a currency, with the currency's own number of minor digits. Never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from kivendtout.lib.errors import InvalidInput

# numeric(14, 3): three minor digits serve every ISO 4217 currency in circulation (BHD, KWD, TND have three).
MAX_DIGITS = 14
DECIMAL_PLACES = 3
LARGEST = Decimal(10) ** (MAX_DIGITS - DECIMAL_PLACES) - 1


def parse_amount(raw: str | int | Decimal, minor_units: int = 2) -> Decimal:
    """An amount as exact decimal; refuses floats' leftovers, signs of infinity, and digits beyond the currency."""
    if isinstance(raw, float):
        raise InvalidInput("An amount must be a string or a whole number, not a floating-point value.")
    try:
        amount = Decimal(raw)
    except InvalidOperation as error:
        raise InvalidInput(f"The amount {str(raw)[:40]!r} is not a number. Write it like 12.34.") from error
    if not amount.is_finite() or amount < 0 or amount > LARGEST:
        raise InvalidInput(f"The amount {str(raw)[:40]!r} is out of range: it must lie between 0 and {LARGEST}.")
    exact = amount.quantize(Decimal(1).scaleb(-minor_units), rounding=ROUND_HALF_UP)
    if exact != amount:
        raise InvalidInput(f"The amount {amount} has more digits than its currency's {minor_units} minor digits.")
    return exact
