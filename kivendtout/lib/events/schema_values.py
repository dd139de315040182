"""Whether a JSON Schema takes a single value: what an enumeration may hold, nothing deeper."""

from __future__ import annotations

import re
from typing import Any, Final

_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None),
}  # fmt: skip
_KNOWN: Final = {
    "$schema", "title", "description", "examples", "default", "enum", "type",
    "minLength", "maxLength", "minimum", "maximum", "pattern",
}  # fmt: skip


def takes(schema: dict[str, Any], value: Any) -> bool:
    """A word that this module does not know refuses: better one false alarm than one broken reader."""
    if "enum" in schema:
        return any(type(one) is type(value) and one == value for one in schema["enum"])
    if "type" in schema and not _is_of(schema["type"], value):
        return False
    size = len(value) if isinstance(value, str) else value
    lower = all(size >= schema[name] for name in ("minLength", "minimum") if name in schema)
    upper = all(size <= schema[name] for name in ("maxLength", "maximum") if name in schema)
    if not lower or not upper or re.search(schema.get("pattern", ""), str(value)) is None:
        return False
    return not schema.keys() - _KNOWN


def _is_of(name: str, value: Any) -> bool:
    kind = _TYPES.get(name)
    return kind is not None and isinstance(value, kind) and (name == "boolean" or not isinstance(value, bool))
