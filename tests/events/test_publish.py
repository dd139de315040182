from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from apps.payments.events import OrderEvent
from kivendtout.lib.events import Event, Message, Told, Topic, catalogue, kind_of, register_topics, topics
from kivendtout.lib.events.json_schema import json_schema
from tests.events.registry_server import RegistryServer

MEANINGS = {"schema_version": "Version.", "name": "A name.", "more": "More of it.", "kind": "Kind."}


class One(Message, frozen=True, kw_only=True):
    """A message for these tests."""

    schema_version: Literal[1] = 1
    name: str
    kind: Literal["a", "b"] = "a"


class Wider(Message, frozen=True, kw_only=True):
    """One, with more that may be told."""

    schema_version: Literal[1] = 1
    name: str
    kind: Literal["a", "b", "c"] = "a"
    more: str | None = None


class Narrower(Message, frozen=True, kw_only=True):
    """One, with a choice less and a name gone."""

    schema_version: Literal[1] = 1
    kind: Literal["a"] = "a"


class Two(Message, frozen=True, kw_only=True):
    """What Narrower should have been."""

    OLDER: ClassVar[type[Event] | None] = One
    schema_version: Literal[2] = 2
    kind: Literal["a"] = "a"


class ToldOne(Told, frozen=True, kw_only=True):
    schema_version: Literal[1] = 1
    kind: Literal["a", "b"] = "a"


class ToldWider(Told, frozen=True, kw_only=True):
    schema_version: Literal[1] = 1
    kind: Literal["a", "b", "c"] = "a"
    more: str | None = None


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The catalogue with this one topic in it."""

    def put(kind: type[Event]) -> None:
        topic = Topic("things", kind, "name", "nobody", "nobody", MEANINGS)
        monkeypatch.setattr(catalogue, "_TOPICS", {"things": topic})

    return put


def publish(folder: Path, *options: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("event_schemas", "--json", "--out", folder, *options, stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def test_what_is_published_is_what_the_code_says() -> None:
    """A change of an event is a change of docs/events: `manage.py event_schemas` writes it, or says why it may not."""
    call_command("event_schemas", "--check", stdout=StringIO())


def test_every_topic_of_the_settings_has_its_event() -> None:
    assert {topic.name for topic in topics()} == set(django_settings.TOPICS)
    assert kind_of("orders") is OrderEvent


@pytest.mark.parametrize("topic", topics(), ids=lambda topic: topic.name)
def test_every_field_has_a_meaning_and_every_meaning_a_field(topic: Topic) -> None:
    schema = json_schema(topic, topic.kind.version())

    parts = [schema, *schema.get("$defs", {}).values()]
    assert {name for part in parts for name in part.get("properties", {})} == set(topic.meanings)
    assert schema["description"]


def test_a_topic_has_one_type() -> None:
    with pytest.raises(ValueError, match="Topic orders has two types: OrderEvent and One"):
        register_topics(Topic("orders", One, "name", "nobody", "nobody", MEANINGS))


def test_it_writes_and_then_finds_everything_as_it_must_be(only: Any, tmp_path: Path) -> None:
    only(One)

    assert publish(tmp_path)["written"] == ["README.md", "things.v1.json", "things.v1.avsc"]
    assert publish(tmp_path, "--check")["faults"] == []
    assert json.loads((tmp_path / "things.v1.json").read_text())["properties"]["name"]["description"] == "A name."


def test_the_check_notices_a_change_that_was_not_written(only: Any, tmp_path: Path) -> None:
    only(One)
    publish(tmp_path)
    only(Wider)

    with pytest.raises(CommandError, match=r"things\.v1\.json is not up to date\. Run `manage\.py event_schemas`\."):
        publish(tmp_path, "--check")

    publish(tmp_path)
    assert publish(tmp_path, "--check")["faults"] == []


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_a_change_that_breaks_senders_is_neither_written_nor_passed(only: Any, tmp_path: Path, options: Any) -> None:
    only(One)
    publish(tmp_path)
    before = (tmp_path / "things.v1.json").read_text()
    only(Narrower)

    with pytest.raises(CommandError) as refused:
        publish(tmp_path, *options)

    assert "things, version 1: name may be there, and is not known" in str(refused.value)
    assert 'kind may be "b", which is refused: messages of before could not be read. Make it version 2.' in str(
        refused.value
    )
    assert (tmp_path / "things.v1.json").read_text() == before


def test_as_a_new_version_it_may_be_anything(only: Any, tmp_path: Path) -> None:
    only(One)
    publish(tmp_path)
    only(Two)

    assert "things.v2.json" in publish(tmp_path)["written"]
    assert publish(tmp_path, "--check")["faults"] == []
    assert "Still read: [version 1](things.v1.json)." in (tmp_path / "README.md").read_text()


def test_readers_of_what_we_tell_must_take_the_change_too(only: Any, tmp_path: Path) -> None:
    only(ToldOne)
    publish(tmp_path)
    only(ToldWider)

    with pytest.raises(CommandError) as refused:
        publish(tmp_path)

    assert str(refused.value) == (
        'things, version 1: kind may be "c", which is refused: readers of before would not take it. Make it version 2.'
    )


def test_an_earlier_release_is_compared_with_too(only: Any, tmp_path: Path) -> None:
    only(One)
    publish(tmp_path / "release")
    only(Narrower)

    publish(tmp_path / "now")
    with pytest.raises(CommandError, match="name may be there, and is not known"):
        publish(tmp_path / "now", "--check", "--against", tmp_path / "release")


def test_a_version_that_no_type_has_does_not_stay_published_unnoticed(only: Any, tmp_path: Path) -> None:
    only(One)
    publish(tmp_path)
    (tmp_path / "things.v9.json").write_text("{}")

    with pytest.raises(CommandError, match=r"things\.v9\.json is published, and no type has that version\."):
        publish(tmp_path, "--check")


def test_it_registers_every_topic(registry: RegistryServer, tmp_path: Path) -> None:
    registered = publish(tmp_path, "--register")["registered"]

    assert sorted(registered) == sorted(f"{topic.name}-value" for topic in topics())
    assert set(registry.rules.values()) == {"BACKWARD"}


def test_it_says_that_no_registry_is_set(tmp_path: Path, settings: Any) -> None:
    settings.SCHEMA_REGISTRY_URL = None

    with pytest.raises(CommandError, match="Set SCHEMA_REGISTRY_URL, then retry"):
        publish(tmp_path, "--register")
