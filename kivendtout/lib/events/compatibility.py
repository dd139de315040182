"""May a schema change without a new version? Pure: two JSON Schemas in, sentences out.

`faults(reader, writer)` names what a reader would not take of what a writer may send. Backward, the new reader meets
the old messages; forward, the old readers meet the new ones. Whoever sends writes only fields that the schema lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from kivendtout.lib.events.schema_values import takes

Schema = dict[str, Any]
_LOWER: Final = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_UPPER: Final = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
# They say nothing of which values are taken. `default` is compared where a field may be left out.
_WORDS: Final = {"$schema", "$defs", "$ref", "title", "description", "examples", "default", "anyOf", "enum", "type"}
_SHAPE: Final = {"properties", "required", "additionalProperties", "items"}


@dataclass(frozen=True, slots=True)
class Fault:
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path or 'the message'} {self.what}"


def breaks(old: Schema, new: Schema, *, told: bool) -> list[str]:
    """Why `new` cannot be the same version as `old`. `told`: we write the topic, and others read it."""
    # A field that is gone breaks whoever used it, even where readers skip what they do not know: so `new` is closed.
    found = [f"{fault}: messages of before could not be read." for fault in faults(_closed(new), old)]
    if told:
        found += [f"{fault}: readers of before would not take it." for fault in faults(_opened(old), new)]
    return found


def faults(reader: Schema, writer: Schema) -> list[Fault]:
    return list(_Comparison(reader, writer).of("", reader, writer))


@dataclass(frozen=True, slots=True)
class _Comparison:
    reader: Schema
    writer: Schema

    def of(self, path: str, reader: Schema, writer: Schema) -> Iterator[Fault]:
        reader, writer = _resolved(reader, self.reader), _resolved(writer, self.writer)
        taken = [_resolved(one, self.reader) for one in reader.get("anyOf", [reader])]
        for one in writer.get("anyOf", [writer]):
            yield from self._some(path, taken, _resolved(one, self.writer))

    def _some(self, path: str, readers: list[Schema], writer: Schema) -> Iterator[Fault]:
        """Nothing where one of the reader's alternatives takes it; else what the likeliest of them lacks."""
        if "enum" in writer:
            for value in writer["enum"]:
                if not any(takes(one, value) for one in readers):
                    yield Fault(path, f"may be {json.dumps(value)}, which is refused")
            return
        tried = [list(self._one(path, one, writer)) for one in readers if _same_type(one, writer)]
        if not tried:
            yield Fault(path, f"may be {writer.get('type', 'anything')}, which is refused")
        else:
            yield from min(tried, key=len)

    def _one(self, path: str, reader: Schema, writer: Schema) -> Iterator[Fault]:
        if "enum" in reader:
            yield Fault(path, f"may be more than {json.dumps(reader['enum'])}")
        yield from _bounds(path, reader, writer)
        if "items" in reader:
            yield from self.of(f"{path}[]", reader["items"], writer.get("items", {}))
        if reader.get("type") == "object":
            yield from self._object(path, reader, writer)

    def _object(self, path: str, reader: Schema, writer: Schema) -> Iterator[Fault]:
        fields: dict[str, Schema] = reader.get("properties", {})
        told: dict[str, Schema] = writer.get("properties", {})
        others: Schema | bool = reader.get("additionalProperties", True)
        for name in sorted(set(reader.get("required", ())) - set(writer.get("required", ()))):
            yield Fault(_joined(path, name), "may be missing, and is required")
        for name, field in told.items():
            place = _joined(path, name)
            yield from self._field(place, fields.get(name, others), field)
            if name in fields and name not in writer.get("required", ()) and name not in reader.get("required", ()):
                yield from _defaults(place, fields[name], field)
        rest = writer.get("additionalProperties")
        if isinstance(rest, dict):
            yield from self._field(_joined(path, "*"), others, rest)

    def _field(self, path: str, reader: Schema | bool, writer: Schema) -> Iterator[Fault]:
        if reader is False:
            yield Fault(path, "may be there, and is not known")
        elif reader is not True:
            yield from self.of(path, reader, writer)


def _bounds(path: str, reader: Schema, writer: Schema) -> Iterator[Fault]:
    for name, bound in reader.items():
        told = writer.get(name)
        if name in _LOWER:
            fits = told is not None and told >= bound
        elif name in _UPPER:
            fits = told is not None and told <= bound
        else:
            # A pattern, a format, or a word that this module does not know: only the same one is surely taken.
            fits = name in _WORDS | _SHAPE or told == bound
        if not fits:
            yield Fault(path, f"may go beyond {name} {bound}")


def _defaults(path: str, reader: Schema, writer: Schema) -> Iterator[Fault]:
    before, after = json.dumps(writer.get("default")), json.dumps(reader.get("default"))
    if before != after:
        yield Fault(path, f"means {before} to one side and {after} to the other where it is left out")


def _same_type(reader: Schema, writer: Schema) -> bool:
    taken, told = reader.get("type"), writer.get("type")
    return taken == told or (taken is None and "enum" not in reader) or (taken, told) == ("number", "integer")


def _resolved(schema: Schema, root: Schema) -> Schema:
    """One level of a `$ref` into `$defs`; what stands beside it is words."""
    if "$ref" not in schema:
        return schema
    found: Schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return found


def _closed(schema: Any) -> Any:
    return _objects(schema, lambda one: {"additionalProperties": False} | one)


def _opened(schema: Any) -> Any:
    return _objects(schema, lambda one: {k: v for k, v in one.items() if (k, v) != ("additionalProperties", False)})


def _objects(schema: Any, change: Any) -> Any:
    if isinstance(schema, list):
        return [_objects(one, change) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _objects(one, change) for name, one in schema.items()}
    return change(inner) if inner.get("type") == "object" else inner


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
