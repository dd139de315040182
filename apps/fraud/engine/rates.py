"""Reference rates to the euro, as of 2025: yearly averages, in units of the currency for one euro.

They exist so that rules can compare amounts of different currencies ("above 100 €"), not to keep accounts. They are
part of the code, and fixed: the same payment is worth the same euros whenever its decision is recomputed, and no
decision waits for a service. Pegs to the euro are exact; the others are rounded, so trust them to about one per cent,
those of fast-moving currencies (TRY, ARS, NGN) less. See docs/adr/0007-comparing-currencies.md.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

# fmt: off
REFERENCE_RATES: Final[dict[str, str]] = {
    "EUR": "1",
    # Published by the European Central Bank in 2025. The lev became the euro in 2026; older payments still name it.
    "AUD": "1.752", "BGN": "1.95583", "BRL": "6.31", "CAD": "1.579", "CHF": "0.937", "CNY": "8.12", "CZK": "24.69",
    "DKK": "7.463", "GBP": "0.857", "HKD": "8.81", "HUF": "398", "IDR": "18600", "ILS": "3.90", "INR": "98.5",
    "ISK": "144.5", "JPY": "169", "KRW": "1607", "MXN": "21.7", "MYR": "4.83", "NOK": "11.72", "NZD": "1.942",
    "PHP": "65.0", "PLN": "4.24", "RON": "5.04", "SEK": "11.07", "SGD": "1.476", "THB": "37.1", "TRY": "44.8",
    "USD": "1.13", "ZAR": "20.2",
    # Tied to the euro by law.
    "BAM": "1.95583", "CVE": "110.265", "KMF": "491.96775", "STN": "24.5", "XAF": "655.957", "XOF": "655.957",
    "XPF": "119.331742",
    # Tied to the dollar, at the dollar's average above, or to another currency of this table.
    "AED": "4.15", "BHD": "0.425", "BBD": "2.26", "BMD": "1.13", "BND": "1.476", "BSD": "1.13", "DJF": "200.8",
    "GIP": "0.857", "JOD": "0.801", "MOP": "9.08", "NPR": "157.6", "OMR": "0.4345", "PAB": "1.13", "QAR": "4.113",
    "SAR": "4.2375", "XCD": "3.051",
    # Others that shops meet.
    "ALL": "98", "ARS": "1400", "AZN": "1.921", "BDT": "137.5", "CLP": "1075", "COP": "4575", "CRC": "571",
    "DOP": "69.5", "DZD": "148", "EGP": "56.6", "GEL": "3.09", "GHS": "13.9", "KES": "146", "KWD": "0.3465",
    "KZT": "588", "LKR": "339", "MAD": "10.5", "MDL": "19.6", "MGA": "5120", "MKD": "61.5", "MUR": "51.8",
    "NGN": "1720", "PEN": "4.03", "PKR": "318", "RSD": "117.2", "TND": "3.37", "TWD": "35.2", "UAH": "47.1",
    "UYU": "46.4", "VND": "29400",
}
# fmt: on

_PER_EURO: Final = {code: Decimal(rate).as_integer_ratio() for code, rate in REFERENCE_RATES.items()}


def euro_cents(amount: Decimal, currency: str) -> int | None:
    """The amount in cents of euros, half a cent away from zero; None for a currency without a rate.

    Whole numbers throughout: Decimal's own arithmetic rounds at the precision of the thread that happens to run it.
    """
    ratio = _PER_EURO.get(currency)
    if ratio is None:
        return None
    top, bottom = amount.as_integer_ratio()
    if currency != "EUR":  # most payments are euros: they need no rate
        top, bottom = top * ratio[1], bottom * ratio[0]
    if top < 0:
        return -((-200 * top + bottom) // (2 * bottom))
    return (200 * top + bottom) // (2 * bottom)
