"""Which schemas of others are read by. A schema decides what a decoder does with a few hostile bytes."""

from __future__ import annotations

from typing import Any, Final

_EMPTY: Final = {"null"}


def schema_fault(schema: Any) -> str | None:
    """Why nothing is read by it, or None.

    A record that holds itself lets 150,000 bytes recurse until the process dies (measured: fastavro 1.13.1 ends with a
    segmentation fault). An array of things without bytes lets ten bytes claim any number of them.
    """
    return _Look().fault(schema)


class _Look:
    def __init__(self) -> None:
        self.open: list[str] = []
        self.empty: dict[str, bool] = {}

    def fault(self, schema: Any) -> str | None:
        if isinstance(schema, list):
            return next((fault for one in schema if (fault := self.fault(one))), None)
        if isinstance(schema, str):
            return "is recursive" if _last(schema) in self.open else None
        kind = schema.get("type")
        if kind == "record":
            return self._record(schema)
        if kind == "fixed":
            self.empty[_last(schema["name"])] = schema["size"] == 0
        if kind not in ("array", "map"):
            return self.fault(kind) if isinstance(kind, dict | list) else None
        items = schema["items" if kind == "array" else "values"]
        return self.fault(items) or ("holds an array of things without bytes" if self._is_empty(items) else None)

    def _record(self, schema: dict[str, Any]) -> str | None:
        name = _last(schema["name"])
        self.open.append(name)
        fault = next((fault for field in schema["fields"] if (fault := self.fault(field["type"]))), None)
        self.open.pop()
        self.empty[name] = all(self._is_empty(field["type"]) for field in schema["fields"])
        return fault

    def _is_empty(self, schema: Any) -> bool:
        if isinstance(schema, str):
            return schema in _EMPTY or self.empty.get(_last(schema), False)
        if isinstance(schema, list):
            return False  # which alternative it is takes a byte
        kind = schema.get("type")
        if kind in ("record", "fixed"):
            return self.empty.get(_last(schema["name"]), False)
        return self._is_empty(kind) if isinstance(kind, dict | str) and kind not in ("array", "map", "enum") else False


def _last(name: str) -> str:
    """Without the namespace: two records of one name are taken for one, which at worst refuses."""
    return name.rpartition(".")[2]
