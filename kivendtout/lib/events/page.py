"""A table of fields for each topic, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from kivendtout.lib.events.catalogue import Topic
from kivendtout.lib.events.json_schema import Schema, json_schema

PAGE: Final = "README.md"
_HEAD: Final = """# Topics and their fields

Written by `manage.py event_schemas` from the types; do not edit. What may change, and how: [events](../events.md).

| topic | key | who writes | who reads |
|---|---|---|---|
"""
_TYPES: Final = {"integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}


def page(topics: Sequence[Topic]) -> str:
    listed = "".join(f"| [{one.name}](#{one.name}) | {one.key} | {one.writers} | {one.readers} |\n" for one in topics)
    return "\n".join([_HEAD + listed, *(_section(topic) for topic in topics)])


def _section(topic: Topic) -> str:
    version = topic.kind.version()
    schema = json_schema(topic, version)
    rows = "\n".join(f"| {' | '.join(row)} |" for row in _rows(schema, schema, ""))
    older = ", ".join(f"[version {one}]({topic.name}.v{one}.json)" for one in list(topic.versions)[:-1])
    return f"""## {topic.name}
{schema.get("description", "")}
Version {version}: [JSON Schema]({topic.name}.v{version}.json), [Avro]({topic.name}.v{version}.avsc).\
{f" Still read: {older}." if older else ""}

| field | type | needed | what |
|---|---|---|---|
{rows}
"""


def _rows(schema: Schema, root: Schema, path: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in schema["properties"].items():
        needed = "yes" if name in schema.get("required", ()) else ""
        yield f"`{path}{name}`", _type(field, root), needed, field.get("description", "")
        inner = field.get("items", {})
        if "$ref" in inner:
            yield from _rows(_part(inner, root), root, f"{path}{name}[].")


def _part(schema: Schema, root: Schema) -> Schema:
    found: Schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return found


def _type(field: Schema, root: Schema) -> str:
    if "anyOf" in field:
        return " or ".join(_type(one, root) for one in field["anyOf"] if one.get("type") != "null") + " or null"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = field.get("type")
    if kind == "array":
        most = f", at most {field['maxItems']}" if "maxItems" in field else ""
        return f"list{most}" if "$ref" in field["items"] else f"list of {_type(field['items'], root)}{most}"
    if kind == "string":
        return "time with its zone, RFC 3339" if field.get("format") == "date-time" else _text(field)
    return _TYPES.get(str(kind), str(kind)) + _range(field)


def _text(field: dict[str, Any]) -> str:
    if "pattern" in field:
        return f"text like `{field['pattern']}`".replace("|", "\\|")
    low, high = field.get("minLength"), field.get("maxLength")
    return "text" if high is None else f"text of {low or 0} to {high}"


def _range(field: dict[str, Any]) -> str:
    if "minimum" not in field:
        return ""
    return f" from {field['minimum']}" + (f" to {field['maximum']}" if "maximum" in field else "")
