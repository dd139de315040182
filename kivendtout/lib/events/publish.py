"""The catalogue as files: JSON Schema and Avro for programs, a page of tables for people."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from kivendtout.lib.events.avro_schema import avro_schema
from kivendtout.lib.events.catalogue import Topic, topics
from kivendtout.lib.events.compatibility import breaks
from kivendtout.lib.events.json_schema import json_schema
from kivendtout.lib.events.page import PAGE, page

_OURS: Final = re.compile(r".+\.v[0-9]+\.(json|avsc)")


def documents() -> dict[str, str]:
    """By file name. Older versions stay published for as long as they are read."""
    found = {PAGE: page(topics())}
    for topic in topics():
        for version, kind in topic.versions.items():
            found[_name(topic, version)] = _text(json_schema(topic, version))
            found[f"{topic.name}.v{version}.avsc"] = _text(avro_schema(kind, topic.meanings))
    return found


def incompatible(folder: Path) -> list[str]:
    """What the code has changed in a version that the folder holds already, and must not change in it."""
    found = []
    for topic in topics():
        for version in topic.versions:
            before = folder / _name(topic, version)
            if before.is_file():
                old = json.loads(before.read_text(encoding="utf-8"))
                faults = breaks(old, json_schema(topic, version), told=topic.told_here)
                found += [
                    f"{topic.name}, version {version}: {fault} Make it version {version + 1}." for fault in faults
                ]
    return found


def stale(folder: Path) -> list[str]:
    """Files that are not what the code says, and files of versions that it has no more."""
    wanted = documents()
    found = [
        f"{name} is not up to date. Run `manage.py event_schemas`."
        for name, text in wanted.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]
    strays = [path.name for path in sorted(folder.glob("*.v*.*")) if _OURS.fullmatch(path.name)]
    return found + [
        f"{name} is published, and no type has that version. Bring the type back, or delete the file once no topic "
        "holds such a message."
        for name in strays
        if name not in wanted
    ]


def write(folder: Path) -> list[str]:
    """The names written. Whoever calls has asked `incompatible` first."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
    return list(documents())


def _name(topic: Topic, version: int) -> str:
    return f"{topic.name}.v{version}.json"


def _text(schema: object) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
