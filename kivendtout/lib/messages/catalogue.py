"""Catalogues: read and write .po, write .mo. Only what gettext defines and this project uses."""

from __future__ import annotations

import json
import os
import re
import struct
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

MO_MAGIC = 0x950412DE  # little-endian .mo, as gettext's manual gives it
CONTEXT_GLUE, PLURAL_GLUE = "\x04", "\x00"
KEYWORD = re.compile(r'^(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d)\])?)\s+(".*")$')


@dataclass(frozen=True)
class Key:
    """What makes a message itself: its context, its singular, its plural if it has one."""

    msgid: str
    plural: str = ""
    context: str = ""


@dataclass
class Entry:
    key: Key
    texts: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    fuzzy: bool = False

    @property
    def complete(self) -> bool:
        wanted = 2 if self.key.plural else 1
        return not self.fuzzy and len(self.texts) >= wanted and all(self.texts)


Catalogue = dict[Key, Entry]


def read_po(path: Path) -> Catalogue:
    catalogue: Catalogue = {}
    if not path.is_file():
        return catalogue
    for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
        entry = _read_block(block)
        if entry:
            catalogue[entry.key] = entry
    return catalogue


def _read_block(block: str) -> Entry | None:
    parts: dict[str, str] = {}
    current, fuzzy = "", False
    for line in block.splitlines():
        if line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        match = KEYWORD.match(line.strip())
        if match:
            current = match[1]
            parts[current] = json.loads(match[3], strict=False)
        elif line.strip().startswith('"') and current:
            parts[current] += json.loads(line.strip(), strict=False)
    if "msgid" not in parts:
        return None
    texts = [text for name, text in sorted(parts.items()) if name.startswith("msgstr")]
    return Entry(Key(parts["msgid"], parts.get("msgid_plural", ""), parts.get("msgctxt", "")), texts, [], fuzzy)


def write_po(path: Path, catalogue: Catalogue, header: str) -> None:
    blocks = [_format(Entry(Key(""), [header]))]
    blocks += [
        _format(entry)
        for entry in sorted(catalogue.values(), key=lambda e: (e.key.msgid, e.key.context))
        if entry.key.msgid
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, ("\n\n".join(blocks) + "\n").encode())


def _format(entry: Entry) -> str:
    # Places name files without line numbers, so that moving code does not touch the catalogues.
    lines = [f"#: {place}" for place in sorted(set(entry.places))]
    lines += ["#, fuzzy"] if entry.fuzzy else []
    lines += [f"msgctxt {_quote(entry.key.context)}"] if entry.key.context else []
    lines.append(f"msgid {_quote(entry.key.msgid)}")
    if not entry.key.plural:
        return "\n".join([*lines, f"msgstr {_quote(entry.texts[0] if entry.texts else '')}"])
    lines.append(f"msgid_plural {_quote(entry.key.plural)}")
    texts = [*entry.texts, "", ""][: max(2, len(entry.texts))]
    return "\n".join([*lines, *(f"msgstr[{number}] {_quote(text)}" for number, text in enumerate(texts))])


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n")
    if "\\n" not in escaped.removesuffix("\\n"):
        return f'"{escaped}"'
    pieces = [piece for piece in re.split(r"(?<=\\n)", escaped) if piece]
    return "\n".join(['""', *(f'"{piece}"' for piece in pieces)])


def write_mo(path: Path, catalogue: Catalogue) -> None:
    """Complete entries only: gettext then shows the source text for the others, as msgfmt's output would."""
    pairs = sorted(
        (_mo_id(entry.key), PLURAL_GLUE.join(entry.texts).encode()) for entry in catalogue.values() if entry.complete
    )
    ids, texts, id_table, text_table = b"", b"", [], []
    for msgid, text in pairs:
        id_table.append((len(msgid), len(ids)))
        text_table.append((len(text), len(texts)))
        ids += msgid + b"\0"
        texts += text + b"\0"
    start = 7 * 4 + 16 * len(pairs)  # seven header words, then two tables of (length, offset)
    rows = [(size, at + start) for size, at in id_table] + [(size, at + start + len(ids)) for size, at in text_table]
    header = struct.pack("<7I", MO_MAGIC, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    _replace(path, header + b"".join(struct.pack("<2I", *row) for row in rows) + ids + texts)


def _mo_id(key: Key) -> bytes:
    text = f"{key.context}{CONTEXT_GLUE}{key.msgid}" if key.context else key.msgid
    return (f"{text}{PLURAL_GLUE}{key.plural}" if key.plural else text).encode()


def _replace(path: Path, content: bytes) -> None:
    """All at once: tests and servers may read the file while another process compiles it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).chmod(0o644)
    Path(name).replace(path)
