"""A second, slower look at a body that was refused or could hide something: only then, so that it may be thorough.

Nothing here trusts the first decoder: keys that stand twice, numbers of a million digits and nesting without end are
what it is for. Numbers stay text, so that no digit of them is lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from apps.fraud.api.card_data import holds_card_number, is_card_name
from apps.fraud.api.errors import CardDataSent, InvalidRequest, MalformedBody

# A payment is flat; a batch adds two levels.
DEEPEST: Final = 16
_PLAIN: Final = re.compile(r"[A-Za-z_]{1,64}")


class Pairs(list[tuple[str, Any]]):
    """An object as it was written: its keys in order, also those that stand twice."""


class _NotANumber(ValueError):
    pass


def _refuse_constant(_word: str) -> None:
    raise _NotANumber


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_int=str, parse_float=str, parse_constant=_refuse_constant
)


def inspected(raw: bytes) -> Any:
    """The body as Pairs, lists and texts; raises what is wrong with it as JSON, or that it holds card data."""
    try:
        body = _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise MalformedBody("The body is not UTF-8. Send JSON in UTF-8.") from error
    except _NotANumber as error:
        raise MalformedBody("NaN and Infinity are no JSON. Send a decimal, or leave the field out.") from error
    except RecursionError as error:
        raise MalformedBody("The body is nested too deeply. A payment is one flat object.") from error
    except ValueError as error:
        raise MalformedBody from error
    _look(body)
    return body


def _look(body: Any) -> None:
    """Card data before all else: whatever else is wrong, that is what the sender must hear."""
    too_deep, twice = False, ""
    for depth, name, value in _walk(body):
        promised = is_card_name(name) and value is not None
        if promised or holds_card_number(name) or (type(value) is str and holds_card_number(value)):
            raise CardDataSent(field=_safe(name))
        too_deep = too_deep or depth > DEEPEST
        if isinstance(value, Pairs) and not twice:
            twice = _named_twice(value)
    if too_deep:
        raise MalformedBody("The body is nested too deeply. A payment is one flat object.")
    if twice:
        raise InvalidRequest(f"{twice[:64]!r} stands twice in one object. Send each field once.", field=_safe(twice))


def _named_twice(pairs: Pairs) -> str:
    seen: set[str] = set()
    for name, _value in pairs:
        if name in seen:
            return name or "(no name)"
        seen.add(name)
    return ""


def _walk(body: Any) -> Iterator[tuple[int, str, Any]]:
    """Every value with the name it stands under; with a stack of its own, as depth is the sender's choice."""
    stack = [(0, "", body)]
    while stack:
        depth, name, value = stack.pop()
        yield depth, name, value
        if isinstance(value, Pairs):
            stack.extend((depth + 1, key, one) for key, one in value)
        elif isinstance(value, list):
            stack.extend((depth + 1, name, one) for one in value)


def _safe(name: str) -> str | None:
    """A name that can be repeated: without a digit, it holds no card number."""
    return name if _PLAIN.fullmatch(name) else None
