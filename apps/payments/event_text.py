"""What the fields of these messages must be, told to whoever got one wrong."""

from __future__ import annotations

from typing import Final

from kivendtout.lib.events import text
from kivendtout.lib.events.text import HASHED, holds_card

__all__ = ["HASHED", "HINTS", "holds_card", "sentence"]

HINTS: Final = {
    "amount": 'must be a decimal written as text, from 0 to 99999999999.999, like "12.34"',
    "total": 'must be a decimal written as text, from 0 to 99999999999.999, like "12.34"',
    "cart_value": 'must be a decimal written as text, from 0 to 99999999999.999, like "12.34"',
    "unit_price": 'must be a decimal written as text, from 0 to 99999999999.999, like "12.34"',
    "currency": "must be the three letters of an ISO 4217 currency, like EUR",
    "payment_country": "must be the two capital letters of an ISO 3166-1 country, like FR",
    "issuer_country": "must be the two capital letters of an ISO 3166-1 country, like FR",
    "ip_country": "must be the two capital letters of an ISO 3166-1 country, like FR",
    "billing_country": "must be the two capital letters of an ISO 3166-1 country, like FR",
    "card_bin": "must be the first six or eight digits of the card",
    "last_four": "must be the last four digits of the card",
    "attempted_at": "must be a time with its zone in RFC 3339, like 2025-11-26T08:10:15Z",
    "session_started_at": "must be a time with its zone in RFC 3339, like 2025-11-26T08:10:15Z",
    "cart_at": "must be a time with its zone in RFC 3339, like 2025-11-26T08:10:15Z",
    "basket_size": "must be a whole number of articles, from 0 to 1000000",
    "adult_restricted": "must be true or false",
    "placed_at": "must be a time with its zone in RFC 3339, like 2025-11-26T08:10:15Z",
    "at": "must be a time with its zone in RFC 3339, like 2025-11-26T08:10:15Z",
    "schema_version": "must be 1, the only version there is",
    "type": "must be small letters, digits and underscores, like page_view",
}


def sentence(problem: str) -> str:
    """msgspec's own words about a payment, an order or behaviour, told as a sentence."""
    return text.sentence(problem, HINTS)
