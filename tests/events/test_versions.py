"""Two versions of one event, as there will be: new code reads both, in JSON and in Avro."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar, Literal, Self, cast

import pytest

from kivendtout.lib.events import Event, InvalidEvent, Message, Told, Topic, catalogue, decode, encode, outgoing
from kivendtout.lib.events.avro_schema import avro_schema
from tests.events.registry_server import RegistryServer
from tests.events.wire import written
from tests.ingestion.messages import NOW


class Thing(Message, frozen=True, kw_only=True):
    def moments(self) -> list[tuple[str, datetime | None]]:
        return []


class Thing1(Thing, frozen=True, kw_only=True):
    schema_version: Literal[1] = 1
    name: str


class Thing2(Thing, frozen=True, kw_only=True):
    """The name in two parts."""

    OLDER: ClassVar[type[Event] | None] = Thing1
    schema_version: Literal[2] = 2
    first: str
    last: str

    @classmethod
    def from_older(cls, older: Event) -> Self:
        first, _space, last = cast("Thing1", older).name.partition(" ")
        return cls(first=first, last=last)


class Thing3(Thing, frozen=True, kw_only=True):
    """The last name in capitals, and counted."""

    OLDER: ClassVar[type[Event] | None] = Thing2
    schema_version: Literal[3] = 3
    first: str
    last: str
    letters: int

    @classmethod
    def from_older(cls, older: Event) -> Self:
        thing = cast("Thing2", older)
        return cls(first=thing.first, last=thing.last.upper(), letters=len(thing.last))


OLD = Thing1(name="Ada Lovelace")
NEW = Thing3(first="Ada", last="LOVELACE", letters=8)


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch, registry: RegistryServer) -> RegistryServer:
    topic = Topic("things", Thing3, "name", "nobody", "nobody", {})
    monkeypatch.setattr(catalogue, "_TOPICS", {"things": topic})
    registry.rules["things-value"] = "FORWARD"  # whoever breaks a schema says so to the registry first
    return registry


def avro_of(raw: bytes) -> bytes:
    found = outgoing("things", raw)
    assert found[:1] == b"\0"
    return found


@pytest.mark.parametrize("form", [bytes, avro_of])
def test_a_message_of_any_known_version_becomes_one_of_the_newest(things: RegistryServer, form: Any) -> None:
    middle = Thing2(first="Ada", last="Lovelace")

    assert [decode(Thing3, form(_raw(one)), now=NOW) for one in (OLD, middle, NEW)] == [NEW, NEW, NEW]


def test_an_old_message_that_is_wrong_is_refused_as_its_own_version_would(things: RegistryServer) -> None:
    schema = avro_schema(Thing1)
    told = {"schema_version": 1, "name": "Ada\0"}

    for raw in (json.dumps(told).encode(), written(schema, told, things.add(schema))):
        with pytest.raises(InvalidEvent, match=r"^name holds a control character or a NUL\. Remove it\.$"):
            decode(Thing3, raw, now=NOW)


def test_a_version_of_tomorrow_is_named_with_those_that_are_known() -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode(Thing3, b'{"schema_version": 7, "colour": "red"}', now=NOW)

    assert (refused.value.code, refused.value.message) == (
        "unknown_version",
        "schema_version 7 is not known here; 1, 2 and 3 are.",
    )


@pytest.mark.parametrize("version", ["4111111111111111", "-1", "true", '"1"', "1.0", "null", "[1]", "10000"])
def test_what_is_no_version_is_not_repeated(version: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode(Thing3, b'{"schema_version": %s, "name": "Ada"}' % version.encode(), now=NOW)

    assert refused.value.code == "invalid"
    assert "4111" not in refused.value.message


def test_what_we_tell_names_its_version() -> None:
    class Fact(Told, frozen=True, kw_only=True):
        schema_version: Literal[4] = 4

    assert json.loads(encode(Fact())) == {"schema_version": 4}
    assert Fact.versions() == (4,)


def _raw(message: Message) -> bytes:
    """As its sender wrote it: the version is told, where our own encoder would leave it out."""
    return json.dumps(json.loads(encode(message)) | {"schema_version": message.version()}).encode()
