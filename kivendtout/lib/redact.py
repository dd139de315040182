"""Takes out of a text what may not be kept: card numbers, security codes, addresses, credentials, database row values.

Logs pass through all of it; the document store uses the card part, so that neither ever holds a card number.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import lru_cache

CARD_REMOVED = "[card number removed]"
MASK = "[redacted]"
# A log line is for reading; what is longer is a dump, and belongs in the document store.
LONGEST_TEXT = 10_000
# Deeper than any honest log field; stops a structure that holds itself.
DEEPEST = 8

# 13 digits or more, one space or dash allowed between two, not part of a longer word (hex ids, base64).
_DIGITS = re.compile(r"(?<![0-9A-Za-z])[0-9](?:[ -]?[0-9]){12,}(?![0-9A-Za-z])")
_GROUP = re.compile("[0-9]+")
_SHORTEST, _LONGEST = 13, 19
# What payment cards begin with: Visa 4, Mastercard 51–55 and 2221–2720, Mir 2200–2204, Amex, Diners and JCB 3,
# Maestro, Discover and UnionPay 5 and 6, RuPay 81 and 82, Troy 9792. Order numbers that begin otherwise are none.
_ISSUER = re.compile(r"2[2-7]|[3456]|8[12]|9792")
_FIRST = frozenset("2345689")
_SECURITY_CODE = re.compile(
    r"""(["']?\b(?:cvv2?|cvc2?|cid|csc|security_?code)\b["']?\s*[:=]\s*["']?)[0-9]{3,4}""", re.I
)
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_CREDENTIALS = re.compile(r"(://)[^/\s@]+@")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.I)
# PostgreSQL's DETAIL lines quote the row that broke a constraint.
_ROW_VALUES = re.compile(r"(Failing row contains |Key \([^)]*\)=)\(.*\)", re.S)

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CARD_KEY = re.compile(r"(?:.*_)?(?:card_?number|card_?no|pan|cvv2?|cvc2?|csc|security_code)")
_SENSITIVE_KEY = re.compile(
    r"(?:.*_)?(?:passw(?:or)?d|passphrase|secret|secret_key|private_key|token|authorization|cookies?|api_?key"
    r"|session_?key|dsn|iban|e_?mail|phone|(?:first|last|full|sur)_?name|birth_?date|date_of_birth|street"
    r"|ip|ip_address|remote_addr)"
)


def _luhn_valid(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def _without_card(match: re.Match[str]) -> str:
    """What stands beside a card number, such as an amount, must not hide it: each group of digits may begin one."""
    text, kept, done = match.group(), [], 0
    groups = [found.span() for found in _GROUP.finditer(text)]
    for n, (start, _end) in enumerate(groups):
        if start < done or text[start] not in _FIRST:
            continue
        ends = [end for _start, end in groups[n : n + _LONGEST] if _SHORTEST <= end - start < 2 * _LONGEST]
        card = next((end for end in reversed(ends) if _is_card(_digits_of(text[start:end]))), None)
        if card:
            kept += [text[done:start], CARD_REMOVED]
            done = card
    return "".join(kept) + text[done:]


def _digits_of(text: str) -> str:
    return text.replace(" ", "").replace("-", "")


def _is_card(digits: str) -> bool:
    return _SHORTEST <= len(digits) <= _LONGEST and _ISSUER.match(digits) is not None and _luhn_valid(digits)


def redact_cards(text: str) -> str:
    """The same text without card numbers (13 to 19 digits that begin and check as cards do) and security codes."""
    text = _DIGITS.sub(_without_card, text)
    return _SECURITY_CODE.sub(rf"\g<1>{MASK}", text) if ":" in text or "=" in text else text


def redact_text(text: str) -> str:
    """The same text without card numbers, e-mail addresses, credentials and row values."""
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT] + f"… [{len(text) - LONGEST_TEXT} characters cut]"
    text = redact_cards(text)
    if "@" in text:
        text = _EMAIL.sub("[e-mail removed]", _CREDENTIALS.sub(rf"\1{MASK}@", text))
    if " " in text:
        text = _ROW_VALUES.sub(r"\1([values removed])", _BEARER.sub(rf"\1 {MASK}", text))
    return text


@lru_cache(maxsize=4096)
def _snake(key: str) -> str:
    return _CAMEL.sub("_", key).lower().replace("-", "_")


@lru_cache(maxsize=4096)
def is_card_key(key: str) -> bool:
    return _CARD_KEY.fullmatch(_snake(key)) is not None


@lru_cache(maxsize=4096)
def is_sensitive_key(key: str) -> bool:
    return is_card_key(key) or _SENSITIVE_KEY.fullmatch(_snake(key)) is not None


def _redact(value: object, text: Callable[[str], str], hidden: Callable[[str], bool], room: int) -> object:
    if type(value) is str:
        return text(value)
    if value is None or type(value) is bool or type(value) is float:
        return value
    if type(value) is int:
        digits = str(value)
        return value if len(digits) < 13 or text(digits) == digits else CARD_REMOVED
    if room == 0:
        return "[nested too deep]"
    if isinstance(value, dict):
        return {
            str(key): MASK if item is not None and hidden(str(key)) else _redact(item, text, hidden, room - 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact(item, text, hidden, room - 1) for item in value]
    return text(str(value))


def redact(value: object) -> object:
    """For logs: masks what sits under a sensitive key and cleans every text; what is not JSON becomes text."""
    return _redact(value, redact_text, is_sensitive_key, DEEPEST)


def scrub_cards_under(name: str, value: object) -> object:
    """For documents: a field's value without card numbers and security codes, nothing else changed."""
    if value is not None and is_card_key(name):
        return MASK
    # The store has already refused what is nested deeper than it allows, so no limit of ours may cut here.
    return _redact(value, redact_cards, is_card_key, sys.getrecursionlimit())
