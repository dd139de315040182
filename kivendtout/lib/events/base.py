"""What all events have in common: those that others send us, and those that we tell.

A version is a type. When version 2 comes, the new type names the old one in `OLDER` and says in `from_older` how a
message of the old becomes one of the new; `decode` then reads both.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, ClassVar, Final, Self

import msgspec
from msgspec import Meta, Struct

from kivendtout.lib.events.text import text_fault

# Card payments on the internet are younger than this; an earlier time is a clock that was never set.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
# Clocks of partners differ, and some send local time as UTC: a day covers both.
AHEAD: Final = timedelta(days=1)

# 64 is the width of every external id in the database.
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Moment = Annotated[datetime, Meta(tz=True)]


@cache
def _version(kind: type[Event]) -> int:
    return int(next(field.default for field in msgspec.structs.fields(kind) if field.name == "schema_version"))


class Event(Struct, frozen=True, kw_only=True):
    """One version of one topic's message. `schema_version: Literal[n]` says which."""

    OLDER: ClassVar[type[Event] | None] = None
    HINTS: ClassVar[Mapping[str, str]] = {}
    """What a field must be, for the sentence that refuses it."""

    @classmethod
    def from_older(cls, older: Event) -> Self:
        raise NotImplementedError(f"{cls.__name__} names an older version and does not say how to read it.")

    @classmethod
    def version(cls) -> int:
        return _version(cls)

    @classmethod
    def versions(cls) -> tuple[int, ...]:
        """Those that can be read, oldest first."""
        return (*(cls.OLDER.versions() if cls.OLDER else ()), cls.version())


class Message(Event, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Sent to us by others, so nothing in it is believed before it was looked at."""

    def __post_init__(self) -> None:
        if fault := text_fault(self):
            raise ValueError(fault)

    def moments(self) -> list[tuple[str, datetime | None]]:
        raise NotImplementedError

    def _check_moments(self) -> None:
        for name, moment in self.moments():
            if moment is not None and moment < EARLIEST:
                raise ValueError(f"{name} lies before {EARLIEST:%Y}. Send the time of the event in RFC 3339.")

    def ahead_fault(self, now: datetime) -> str | None:
        """Why the message comes from the future, or None. Apart, because a message does not read the clock."""
        for name, moment in self.moments():
            if moment is not None and moment > now + AHEAD:
                return f"{name} lies more than a day ahead. Check the sender's clock and time zone."
        return None


class Told(Event, frozen=True, kw_only=True):
    """Told by us: our own code fills it, thousands of times a second, so nothing is looked at again. All fields are
    written, those without a value as null, and readers skip fields that they do not know."""
