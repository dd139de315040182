"""JSON Schemas at random, values that they describe, and a plain reading of whether one takes a value."""

from __future__ import annotations

import copy
import re
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]
NAMES = ["a", "b", "c"]


def takes(schema: Schema | bool, value: Any) -> bool:
    """What the specification says, for the words that our schemas use. Independent of what it judges."""
    if isinstance(schema, bool):
        return schema
    if "anyOf" in schema:
        return any(takes(one, value) for one in schema["anyOf"])
    if "enum" in schema:
        return any(type(one) is type(value) and one == value for one in schema["enum"])
    return {"string": _string, "integer": _integer, "null": _null, "array": _array, "object": _object}[schema["type"]](
        schema, value
    )


def _null(schema: Schema, value: Any) -> bool:
    return value is None


def _string(schema: Schema, value: Any) -> bool:
    if not isinstance(value, str) or not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**9):
        return False
    return re.search(schema.get("pattern", ""), value) is not None


def _integer(schema: Schema, value: Any) -> bool:
    return type(value) is int and schema.get("minimum", -(10**9)) <= value <= schema.get("maximum", 10**9)


def _array(schema: Schema, value: Any) -> bool:
    fits = isinstance(value, list) and len(value) <= schema.get("maxItems", 10**9)
    return fits and all(takes(schema["items"], one) for one in value)


def _object(schema: Schema, value: Any) -> bool:
    if not isinstance(value, dict) or not set(schema.get("required", ())) <= value.keys():
        return False
    fields, rest = schema["properties"], schema.get("additionalProperties", True)
    return all(takes(fields.get(name, rest), one) for name, one in value.items())


texts = st.builds(
    lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
    st.integers(0, 2),
    st.integers(0, 3),
) | st.just({"type": "string", "pattern": "^[ab]*$"})
numbers = st.builds(
    lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more}, st.integers(-3, 3), st.integers(0, 3)
)
choices = st.lists(st.sampled_from(["x", "y", "z", 1, 2]), min_size=1, max_size=3, unique=True).map(
    lambda some: {"enum": some}
)
scalars = texts | numbers | choices


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Schema]) -> Schema:
    fields: Schema = draw(st.dictionaries(st.sampled_from(NAMES), inner, max_size=3))
    required = [name for name in fields if draw(st.booleans())]
    for name in fields.keys() - set(required):
        fields[name] = {**fields[name], "default": None}
    found: Schema = {"type": "object", "properties": fields, "required": required}
    return found | ({"additionalProperties": False} if draw(st.booleans()) else {})


def nullable(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return inner.map(lambda one: {"anyOf": [one, {"type": "null"}]})


def arrays(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.builds(lambda one, most: {"type": "array", "items": one, "maxItems": most}, inner, st.integers(0, 2))


schemas = st.recursive(scalars, lambda inner: objects(inner) | arrays(inner) | nullable(inner), max_leaves=5)
messages = objects(schemas | nullable(scalars))


def values(schema: Schema) -> st.SearchStrategy[Any]:
    """What somebody who writes by that schema may send: its fields, and no others."""
    if "anyOf" in schema:
        return st.one_of([values(one) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema["type"]
    if kind == "null":
        return st.none()
    if kind == "string":
        if "pattern" in schema:
            return st.text("ab", max_size=4)
        return st.text("abcx", min_size=schema["minLength"], max_size=schema["maxLength"])
    if kind == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    if kind == "array":
        return st.lists(values(schema["items"]), max_size=schema["maxItems"])
    fields = {name: values(one) for name, one in schema["properties"].items()}
    needed = {name: fields[name] for name in schema["required"]}
    return st.fixed_dictionaries(needed, optional={name: one for name, one in fields.items() if name not in needed})


def changed(schema: Schema, *path: Any, **change: Any) -> Schema:
    """A copy with words set, or taken away with `...`, at that place."""
    copied = copy.deepcopy(schema)
    place = copied
    for step in path:
        place = place[step]
    for name, value in change.items():
        place.pop(name, None) if value is ... else place.__setitem__(name, value)
    return copied


@st.composite
def narrower(draw: st.DrawFn, schema: Schema) -> Schema:
    """One that describes fewer values, or the same."""
    if "anyOf" in schema:
        return draw(narrower(draw(st.sampled_from(schema["anyOf"])))) | _default(schema)
    if "enum" in schema:
        some = draw(st.lists(st.sampled_from(schema["enum"]), min_size=1, unique=True))
        return {"enum": some} | _default(schema)
    if schema["type"] == "array":
        return schema | {
            "items": draw(narrower(schema["items"])),
            "maxItems": draw(st.integers(0, schema["maxItems"])),
        }
    if schema["type"] == "object":
        return draw(_narrower_object(schema))
    return draw(_narrower_scalar(schema))


@st.composite
def _narrower_object(draw: st.DrawFn, schema: Schema) -> Schema:
    optional = schema["properties"].keys() - set(schema["required"])
    kept = [name for name in schema["properties"] if name not in optional or draw(st.booleans())]
    fields = {name: draw(narrower(schema["properties"][name])) for name in kept}
    required = [name for name in kept if name not in optional or draw(st.booleans())]
    return schema | {"properties": fields, "required": required}


@st.composite
def _narrower_scalar(draw: st.DrawFn, schema: Schema) -> Schema:
    low, high = ("minLength", "maxLength") if schema["type"] == "string" else ("minimum", "maximum")
    if low not in schema:
        return schema
    first, last = sorted(draw(st.tuples(*[st.integers(schema[low], schema[high])] * 2)))
    return schema | {low: first, high: last}


def _default(schema: Schema) -> Schema:
    return {"default": schema["default"]} if "default" in schema else {}
