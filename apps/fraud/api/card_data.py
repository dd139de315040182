"""Card numbers and security codes in a request, wherever they stand: looked for, refused, never repeated."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from kivendtout.lib.redact import is_card_key, redact_cards

# Quick and generous: thirteen digits in a row, whatever stands between them. What it lets pass holds no card number.
SUSPECT: Final = re.compile(r"[0-9](?:[^0-9A-Za-z:|]{0,3}+[0-9]){12}")
_BETWEEN: Final = re.compile(r"(?<=[0-9])[^0-9A-Za-z:|]{1,3}(?=[0-9])")
# Beside what logs mask: names that only a payment form has.
_NAMES: Final = frozenset(
    {"number", "cid", "pin", "cc", "ccnumber", "ccnum", "cvn", "cvvcode", "track", "track1", "track2", "trackdata"}
)
LONGEST_NAME: Final = 64


def holds_card_number(text: str) -> bool:
    """13 to 19 digits that pass the check of card numbers, also when spaces, dashes or dots part them."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    if not plain.isascii():  # digits of other scripts are digits
        plain = "".join(str(unicodedata.decimal(char, char)) for char in plain)
    if not SUSPECT.search(plain):
        return False
    return any(redact_cards(text) != text for text in (plain, _BETWEEN.sub(" ", plain)))


def is_card_name(name: str) -> bool:
    """Does the field's name promise a card number or a security code?"""
    if len(name) > LONGEST_NAME:
        return False
    return is_card_key(name) or name.lower().replace("_", "").replace("-", "") in _NAMES
