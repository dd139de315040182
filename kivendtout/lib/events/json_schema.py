"""A topic's message as JSON Schema, with what each field means, as partners get it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from kivendtout.lib.events.catalogue import Topic

Schema = dict[str, Any]
DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_ROOT: Final = "#/$defs/"


def json_schema(topic: Topic, version: int) -> Schema:
    kind = topic.versions[version]
    found = msgspec.json.schema(kind)
    parts: dict[str, Schema] = found["$defs"]
    root = parts.pop(found["$ref"].removeprefix(_ROOT))
    for part in (root, *parts.values()):
        _explain(part, topic)
    head = {"$schema": DRAFT, "title": f"{topic.name}, version {version}"}
    return head | {name: value for name, value in root.items() if name != "title"} | ({"$defs": parts} if parts else {})


def _explain(part: Schema, topic: Topic) -> None:
    for name, field in part.get("properties", {}).items():
        part["properties"][name] = {"description": topic.meanings[name], **field}
