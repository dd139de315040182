"""Committed offsets: an append-only journal of JSON lines, rewritten when most of it is history."""

import json
import logging
import os
from pathlib import Path
from typing import Any, NamedTuple

from .codes import Code, RefusedError

log = logging.getLogger("kafka_broker")

# Rewrite once the journal has this many lines more than four times the offsets it holds.
_HISTORY_LINES = 20_000


class Committed(NamedTuple):
    offset: int
    metadata: str


class Offsets:
    def __init__(self, data: Path) -> None:
        self._path = data / "offsets.jsonl"
        self.groups: dict[str, dict[tuple[str, int], Committed]] = {}
        self._lines = 0
        self._fd = -1
        self._read()
        self._rewrite()

    def _read(self) -> None:
        if not self._path.exists():
            return
        for line in self._path.read_bytes().split(b"\n"):
            try:
                self._apply(json.loads(line))
            except (ValueError, KeyError, TypeError):
                continue  # the last line of a killed broker may be torn; it was not acknowledged

    def _apply(self, entry: dict[str, Any]) -> None:
        group, topic = entry["group"], entry.get("topic")
        if topic is None:
            self.groups.pop(group, None)
        elif entry.get("offset") is None:
            for key in [key for key in self.groups.get(group, {}) if key[0] == topic]:
                del self.groups[group][key]
        else:
            at = Committed(entry["offset"], entry["metadata"])
            self.groups.setdefault(group, {})[topic, entry["partition"]] = at

    def _rewrite(self) -> None:
        live = [
            {"group": group, "topic": topic, "partition": partition, "offset": at.offset, "metadata": at.metadata}
            for group, offsets in self.groups.items()
            for (topic, partition), at in offsets.items()
        ]
        temporary = self._path.with_suffix(".tmp")
        temporary.write_bytes(b"".join(json.dumps(entry).encode() + b"\n" for entry in live))
        temporary.replace(self._path)
        if self._fd >= 0:
            os.close(self._fd)
        self._lines, self._live = len(live), len(live)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        self._size = os.fstat(self._fd).st_size

    def _write(self, entries: list[dict[str, Any]]) -> None:
        data = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
        try:
            if os.write(self._fd, data) != len(data):
                raise OSError("the disk is full")
        except OSError as error:
            os.ftruncate(self._fd, self._size)
            raise RefusedError(Code.STORAGE_ERROR, f"The commit could not be written: {error}.") from error
        self._size += len(data)
        self._lines += len(entries)
        for entry in entries:
            self._apply(entry)
        if self._lines > 4 * self._live + _HISTORY_LINES:
            self._rewrite_if_there_is_room()

    def _rewrite_if_there_is_room(self) -> None:
        try:
            self._rewrite()
        except OSError as error:
            self._live = self._lines  # the long journal is as good as the short one: try again much later
            log.warning("the journal of commits could not be shortened: %s", error)

    def commit(self, group: str, commits: dict[tuple[str, int], Committed]) -> None:
        self._write([
            {"group": group, "topic": topic, "partition": partition, "offset": at.offset, "metadata": at.metadata}
            for (topic, partition), at in commits.items()
        ])  # fmt: skip

    def of(self, group: str) -> dict[tuple[str, int], Committed]:
        return self.groups.get(group, {})

    def forget_group(self, group: str) -> None:
        if group in self.groups:
            self._write([{"group": group}])

    def forget_topic(self, topic: str) -> None:
        holders = [group for group, offsets in self.groups.items() if any(key[0] == topic for key in offsets)]
        if holders:
            self._write([{"group": group, "topic": topic} for group in holders])

    def close(self) -> None:
        os.fsync(self._fd)
        os.close(self._fd)
