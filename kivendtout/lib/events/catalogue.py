"""Every topic with the type of its message: the one list that the stream, the docs, the schemas and Avro read.

Each app names its own in its `apps.py`, beside what it registers elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kivendtout.lib.events.base import Event, Told


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    kind: type[Event]
    """The newest version; older ones hang on it."""
    key: str
    writers: str
    readers: str
    meanings: Mapping[str, str]
    """What each field is, in a sentence: for partners, in the schemas and in the docs."""
    also_told: bool = False
    """We write to it, although others do as well."""

    @property
    def told_here(self) -> bool:
        return self.also_told or issubclass(self.kind, Told)

    @property
    def versions(self) -> dict[int, type[Event]]:
        found: dict[int, type[Event]] = {}
        kind: type[Event] | None = self.kind
        while kind is not None:
            found[kind.version()] = kind
            kind = kind.OLDER
        return dict(sorted(found.items()))


_TOPICS: Final[dict[str, Topic]] = {}


def register_topics(*topics: Topic) -> None:
    for topic in topics:
        known = _TOPICS.setdefault(topic.name, topic)
        if known is not topic and known.kind is not topic.kind:
            raise ValueError(f"Topic {topic.name} has two types: {known.kind.__name__} and {topic.kind.__name__}.")


def topics() -> tuple[Topic, ...]:
    return tuple(_TOPICS.values())


def topic_of(name: str) -> Topic | None:
    return _TOPICS.get(name)


def kind_of(name: str) -> type[Event]:
    return _TOPICS[name].kind
