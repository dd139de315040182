"""What a batch of behaviour does: read it, let payments know of the visits, store it. Twenty thousand a second.

read = read_behaviour(raws, now=now)     # read.dead: what cannot be used, and why
note_visits(tenant_id, read.events)      # before the payments of the batch
behaviour_store(tenant_id=tenant_id, events=read.events)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeVar, get_type_hints

import msgspec

from apps.customers.services.behaviour import Behaviour
from apps.payments.events import BehaviourEvent
from kivendtout.lib.events import AHEAD, EARLIEST, InvalidEvent, decode
from kivendtout.lib.events.decode import LARGEST


class Valued(Protocol):
    @property
    def value(self) -> bytes: ...


R = TypeVar("R", bound=Valued)

# The fields and their types as the message declares them, without the look at every text that follows in Python:
# it takes two thirds of the time, and `_plain` tells of most messages that it would find nothing.
_HINTS: Final = get_type_hints(BehaviourEvent, include_extras=True)
_FIELDS: Final = [
    (one.name, _HINTS[one.name]) if one.required else (one.name, _HINTS[one.name], one.default)
    for one in msgspec.structs.fields(BehaviourEvent)
]
_Fields: Final = msgspec.defstruct("BehaviourFields", _FIELDS, forbid_unknown_fields=True, kw_only=True, gc=False)
_decode_fields: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(_Fields).decode
# What a card number is made of; what may hide something; the rest.
_RUN, _ODD, _REST = b"0", b"!", b"."
_KIND: Final = b"".join(
    _RUN if chr(code) in "0123456789 -" else _ODD if code < 0x20 or code == 0x7F or chr(code) == "\\" else _REST
    for code in range(256)
)
# A card number has at least as many digits, spaces and dashes in a row.
_CARD: Final = _RUN * 13


@dataclass
class BehaviourRead(Generic[R]):
    events: list[Behaviour] = field(default_factory=list)
    raws: list[R] = field(default_factory=list)
    """Where each event came from."""
    dead: list[tuple[R, InvalidEvent]] = field(default_factory=list)


def read_behaviour(raws: Sequence[R], *, now: datetime) -> BehaviourRead[R]:
    """As `decode` reads each message; only those that it might refuse are given to it."""
    read: BehaviourRead[R] = BehaviourRead()
    latest = now + AHEAD
    for raw in raws:
        event = _plain(raw.value, latest)
        if event is None:
            try:
                event = decode(BehaviourEvent, raw.value, now=now)
            except InvalidEvent as error:
                read.dead.append((raw, error))
                continue
        read.events.append(event)
        read.raws.append(raw)
    return read


def _plain(value: bytes, latest: datetime) -> Any:
    """The message, or None where it takes a closer look: an escape, a control character, many digits, an odd time."""
    kinds = value.translate(_KIND)
    if _ODD in kinds or _CARD in kinds or len(value) > LARGEST:
        return None
    try:
        event = _decode_fields(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return event if EARLIEST <= event.at <= latest else None
