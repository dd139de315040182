"""Avro schemas from the same types as JSON's, so that there is one truth.

Amounts stay decimals written as text, a moment becomes microseconds since 1970, choices become enumerations, and what
may be left out becomes a union with null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import inspect as types

from kivendtout.lib.events.base import Event

NAMESPACE: Final = "kivendtout.events"
Schema = dict[str, Any]
_PLAIN: Final[dict[type[types.Type], Any]] = {
    types.StrType: "string",
    types.IntType: "long",  # whatever its bounds: a wider bound is then no other type
    types.FloatType: "double",
    types.BoolType: "boolean",
    types.NoneType: "null",
    types.DateTimeType: {"type": "long", "logicalType": "timestamp-micros"},
}


def avro_schema(kind: type[Event], meanings: Mapping[str, str] | None = None) -> Schema:
    info = types.type_info(kind)
    assert isinstance(info, types.StructType)
    return _Derivation(meanings or {}).record(info)


class _Derivation:
    def __init__(self, meanings: Mapping[str, str]) -> None:
        self.meanings = meanings
        self.named: set[str] = set()

    def record(self, info: types.StructType) -> Schema:
        name = info.cls.__name__
        self.named.add(name)
        doc = {"doc": " ".join(info.cls.__doc__.split())} if info.cls.__doc__ and issubclass(info.cls, Event) else {}
        fields = [self._field(name, field) for field in info.fields]
        return {"type": "record", "name": name, "namespace": NAMESPACE, **doc, "fields": fields}

    def _field(self, record: str, field: types.Field) -> Schema:
        found: Schema = {"name": field.name}
        if field.name in self.meanings:
            found["doc"] = self.meanings[field.name]
        found["type"] = self._type(field.type, f"{record}_{field.name}")
        if field.default is not msgspec.NODEFAULT:
            found["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
        return found

    def _type(self, info: types.Type, name: str) -> Any:
        if type(info) in _PLAIN:
            return _PLAIN[type(info)]
        if isinstance(info, types.LiteralType):
            return self._choice(info, name)
        if isinstance(info, types.UnionType):
            # Null first: Avro takes a default of the first alternative only, and ours is null.
            some = sorted(info.types, key=lambda one: not isinstance(one, types.NoneType))
            return [self._type(one, name) for one in some]
        if isinstance(info, types.ListType | types.VarTupleType):
            return {"type": "array", "items": self._type(info.item_type, name)}
        if isinstance(info, types.StructType):
            # A record is spelled out once, and named afterwards.
            return info.cls.__name__ if info.cls.__name__ in self.named else self.record(info)
        raise TypeError(f"{name}: {type(info).__name__} has no Avro type here. Add it to avro_schema.py.")

    def _choice(self, info: types.LiteralType, name: str) -> Any:
        if all(isinstance(value, int) for value in info.values):
            return "int"
        return {"type": "enum", "name": name, "symbols": list(info.values)}
