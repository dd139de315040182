from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kivendtout.lib.events.compatibility import Schema, breaks, faults
from tests.events.schemas import changed, messages, narrower, takes, values

MESSAGE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "kind", "lines"],
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 64},
        "kind": {"enum": ["card", "transfer"]},
        "country": {"anyOf": [{"type": "string", "pattern": "^[A-Z]{2}$"}, {"type": "null"}], "default": None},
        "count": {"type": "integer", "minimum": 0, "maximum": 9, "default": 1},
        "at": {"type": "string", "format": "date-time", "default": None},
        "lines": {"type": "array", "maxItems": 5, "items": {"$ref": "#/$defs/Line"}},
    },
    "$defs": {
        "Line": {
            "type": "object",
            "additionalProperties": False,
            "required": ["price"],
            "properties": {"price": {"type": "number"}},
        }
    },
}
FIELDS = ("properties",)
LINE = ("$defs", "Line")
REQUIRED = [*MESSAGE["required"]]


def without(name: str) -> dict[str, Any]:
    return {one: field for one, field in MESSAGE["properties"].items() if one != name}


BREAKING = {
    "a field is taken away": (changed(MESSAGE, properties=without("country")), "country may be there, and is not"),
    "a field is renamed": (
        changed(MESSAGE, properties=without("country") | {"land": {"type": "string", "default": None}}),
        "country may be there, and is not known",
    ),
    "a type changes": (changed(MESSAGE, *FIELDS, id={"type": "integer"}), "id may be string, which is refused"),
    "null is no longer taken": (
        changed(MESSAGE, *FIELDS, country={"type": "string", "pattern": "^[A-Z]{2}$", "default": None}),
        "country may be null, which is refused",
    ),
    "a new field is required": (
        changed(MESSAGE, properties=MESSAGE["properties"] | {"new": {"type": "string"}}, required=[*REQUIRED, "new"]),
        "new may be missing, and is required",
    ),
    "a field becomes required": (
        changed(MESSAGE, required=[*REQUIRED, "count"]), "count may be missing, and is required"
    ),
    "a choice is taken away": (changed(MESSAGE, *FIELDS, kind={"enum": ["card"]}), 'kind may be "transfer", which is'),
    "text becomes a choice": (changed(MESSAGE, *FIELDS, id={"enum": ["x"]}), "id may be string, which is refused"),
    "text becomes a choice of texts": (
        changed(MESSAGE, *FIELDS, id={"type": "string", "enum": ["x"]}), 'id may be more than ["x"]'
    ),
    "text may be less long": (changed(MESSAGE, *FIELDS, "id", maxLength=63), "id may go beyond maxLength 63"),
    "text may be less short": (changed(MESSAGE, *FIELDS, "id", minLength=2), "id may go beyond minLength 2"),
    "a number's range shrinks": (changed(MESSAGE, *FIELDS, "count", maximum=8), "count may go beyond maximum 8"),
    "a number's range begins later": (changed(MESSAGE, *FIELDS, "count", minimum=1), "count may go beyond minimum 1"),
    "a pattern comes": (changed(MESSAGE, *FIELDS, "id", pattern="^P"), "id may go beyond pattern ^P"),
    "a format changes": (changed(MESSAGE, *FIELDS, "at", format="date"), "at may go beyond format date"),
    "fewer lines are taken": (changed(MESSAGE, *FIELDS, "lines", maxItems=4), "lines may go beyond maxItems 4"),
    "a line changes": (changed(MESSAGE, *LINE, "properties", price={"type": "string"}), "lines[].price may be number"),
    "a line needs more": (
        changed(MESSAGE, *LINE, properties={"price": {"type": "number"}, "n": {"type": "integer"}},
                required=["price", "n"]), "lines[].n may be missing",
    ),
    "what is left out means something else": (
        changed(MESSAGE, *FIELDS, "count", default=2), "count means 1 to one side and 2 to the other",
    ),
    "a word that nobody here knows comes": (
        changed(MESSAGE, *FIELDS, "count", multipleOf=2), "count may go beyond multipleOf 2",
    ),
}  # fmt: skip

WIDENING = {
    "an optional field comes": changed(
        MESSAGE, properties=MESSAGE["properties"] | {"new": {"type": "string", "default": None}}
    ),
    "a choice comes": changed(MESSAGE, *FIELDS, kind={"enum": ["card", "transfer", "cash"]}),
    "text may be longer": changed(MESSAGE, *FIELDS, "id", maxLength=65),
    "null is taken": changed(
        MESSAGE, *FIELDS, id={"anyOf": [{"type": "string", "minLength": 1, "maxLength": 64}, {"type": "null"}]}
    ),
    "a field need not be there": changed(MESSAGE, required=["id", "kind"]),
    "a pattern goes": changed(MESSAGE, *FIELDS, "country", "anyOf", 0, pattern=...),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_change_that_refuses_messages_of_before_is_named(name: str) -> None:
    new, said = BREAKING[name]

    assert [one for one in breaks(MESSAGE, new, told=False) if one.startswith(said)], breaks(MESSAGE, new, told=False)


@pytest.mark.parametrize("name", WIDENING)
def test_a_schema_may_take_more_than_before(name: str) -> None:
    assert breaks(MESSAGE, WIDENING[name], told=False) == []


@pytest.mark.parametrize("name", [name for name in WIDENING if name != "an optional field comes"])
def test_what_we_tell_may_not_surprise_readers_of_before(name: str) -> None:
    assert breaks(MESSAGE, WIDENING[name], told=True)


def test_readers_of_what_we_tell_skip_fields_that_they_do_not_know() -> None:
    assert breaks(MESSAGE, WIDENING["an optional field comes"], told=True) == []


def test_words_may_change() -> None:
    assert breaks(MESSAGE, changed(MESSAGE, description="anew", title="other"), told=True) == []


@given(messages)
def test_a_schema_is_compatible_with_itself(schema: Schema) -> None:
    assert breaks(schema, schema, told=True) == []


@given(messages, st.data())
def test_what_describes_less_is_compatible(reader: Schema, data: st.DataObject) -> None:
    assert faults(reader, data.draw(narrower(reader))) == []


@given(messages, st.data())
def test_what_is_called_compatible_is_taken(writer: Schema, data: st.DataObject) -> None:
    """No word of the comparison: a plain reading of the reader's schema judges values of the writer's."""
    reader = data.draw(narrower(writer))
    value = data.draw(values(writer))

    assert takes(reader, value) or faults(reader, writer)
    assert takes(writer, data.draw(values(reader)))


@given(messages, st.data())
def test_a_fault_names_a_field_that_one_of_the_two_has(writer: Schema, data: st.DataObject) -> None:
    reader = data.draw(messages)

    for fault in faults(reader, writer):
        assert fault.path.split(".")[0].rstrip("[]") in {*reader["properties"], *writer["properties"]}


@given(messages, st.data())
def test_a_field_taken_away_is_always_noticed(old: Schema, data: st.DataObject) -> None:
    if not old["properties"]:
        return
    gone = data.draw(st.sampled_from(sorted(old["properties"])))
    new = changed(old, properties={name: one for name, one in old["properties"].items() if name != gone})
    new["required"] = [name for name in old["required"] if name != gone]

    assert breaks(old, new, told=False)


@given(messages, st.data())
def test_a_field_that_becomes_required_is_always_noticed(old: Schema, data: st.DataObject) -> None:
    optional = sorted(old["properties"].keys() - set(old["required"]))
    if not optional:
        return
    new = changed(old, required=[*old["required"], data.draw(st.sampled_from(optional))])

    assert breaks(old, new, told=False)
