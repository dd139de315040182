"""The words around events: what no text may hold, and a sentence for what the decoder refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from kivendtout.lib.redact import redact_cards

# Tab and line ends too: ids, codes and labels have none, and PostgreSQL cannot store the first of them.
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# Stored only as a keyed hash. A hash of 16 hexadecimal digits looks like a card number once in 18,000 times,
# so looking for one here would refuse honest payments.
HASHED: Final = frozenset({"ip_hash"})
# Quick and generous; only what passes here is looked at with the full rule.
DIGITS: Final = re.compile(r"[0-9][0-9 -]{11,}[0-9]")
_PLACE: Final = re.compile(r"(?P<problem>.*?) - at `\$\.?(?P<path>[^`]*)`", re.S)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`")
_LENGTH: Final = re.compile(r"Expected `(?P<what>str|array)` of length (?P<sign><=|>=|==) (?P<bound>[0-9]+)")
_ENUM: Final = re.compile(r"Invalid enum value (?P<value>.*)", re.S)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>[^`]*)`")


def text_fault(message: Struct) -> str | None:
    """Why a text of the message cannot be taken, or None. One look over all of them; by field only on suspicion."""
    texts = {name: value for name in message.__struct_fields__ if type(value := getattr(message, name)) is str}
    joined = "|".join(texts.values())
    if not joined.isprintable() and CONTROL.search(joined):
        name = next(name for name, value in texts.items() if CONTROL.search(value))
        return f"{name} holds a control character or a NUL. Remove it."
    if DIGITS.search(joined):
        return next((_card_fault(name) for name, value in texts.items() if holds_card(name, value)), None)
    return None


def holds_card(name: str, value: str) -> bool:
    return name not in HASHED and DIGITS.search(value) is not None and redact_cards(value) != value


def _card_fault(name: str) -> str:
    return f"{name} holds what looks like a card number. Send its BIN and last four digits, never the number."


def sentence(problem: str, hints: Mapping[str, str]) -> str:
    """msgspec's own words, told as a sentence about the field; nothing in it that a log may not hold."""
    place = _PLACE.fullmatch(problem)
    path, text = (place["path"], place["problem"]) if place else ("", problem)
    return redact_cards(_sentence(path, text, hints))


def _sentence(path: str, text: str, hints: Mapping[str, str]) -> str:
    if found := _MISSING.match(text):
        return f"{_joined(path, found['name'])} is missing."
    if found := _UNKNOWN.match(text):
        return f"{_joined(path, found['name'][:64])!r} is not a field of this message. Leave it out."
    said = hints.get(path.rpartition(".")[2])
    if said and text.startswith(("Expected", "Invalid")):
        return f"{path} {said}."
    if found := _LENGTH.match(text):
        return f"{path} {_length(found['what'], found['sign'], found['bound'])}."
    if found := _ENUM.match(text):
        return f"{path} cannot be {found['value'][:66]}. The schema lists what it may be."
    text = text if text.endswith(".") else f"{text}."
    return f"{path}: {text}" if path and text.startswith("Expected") else text


def _length(what: str, sign: str, bound: str) -> str:
    if sign == ">=":
        return "is empty"
    return f"is longer than {bound} {'characters' if what == 'str' else 'lines'}"


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
