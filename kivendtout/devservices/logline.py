"""One tidy log for several processes: a time, a short name, and a message a person can read."""

from __future__ import annotations

import json
import time
from typing import Any

COLOURS = (36, 35, 33, 32, 34, 31)  # cyan, magenta, yellow, green, blue, red: told apart on dark and light
TOO_LONG = 400  # characters; the whole line is in the process's own file
LEFT_OUT = {"event", "timestamp", "time", "ts", "level", "logger", "lineno", "pid", "filename"}


def condense(line: str) -> str:
    """A JSON log line as `event key=value`; anything else as it came."""
    text = line.rstrip()
    if not text.startswith("{"):
        return text[:TOO_LONG]
    try:
        entry = json.loads(text)
    except ValueError:
        return text[:TOO_LONG]
    if not isinstance(entry, dict):
        return text[:TOO_LONG]
    return _as_words(entry)[:TOO_LONG]


def _as_words(entry: dict[str, Any]) -> str:
    level = str(entry.get("level", "")).lower()
    words = [level.upper()] if level in {"warning", "error", "critical"} else []
    words.append(str(entry.get("event") or entry.get("message") or ""))
    words += [f"{key}={_short(value)}" for key, value in entry.items() if key not in LEFT_OUT and _says(value)]
    return " ".join(word for word in words if word)


def _says(value: Any) -> bool:
    return value is not None and value != ""


def _short(value: Any) -> str:
    if isinstance(value, str):
        one_line = " ⏎ ".join(value.splitlines())
        return json.dumps(one_line, ensure_ascii=False) if " " in one_line or "=" in one_line else one_line
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def render(name: str, message: str, order: int, colour: bool, width: int = 8) -> str:
    label = f"{name:<{width}}"
    if colour:
        label = f"\x1b[{COLOURS[order % len(COLOURS)]}m{label}\x1b[0m"
    return f"{time.strftime('%H:%M:%S')} {label} {message}"
