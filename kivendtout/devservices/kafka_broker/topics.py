"""The catalogue of topics: names and settings in one JSON file, batches in a folder per topic id."""

import re
import shutil
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from . import configs
from .codes import Code, RefusedError
from .files import read_json, write_json
from .log import PartitionLog

_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
# Each partition holds an open file; enough for any demo, and far below what a process may open.
_MOST_PARTITIONS = 1000


@dataclass
class Topic:
    name: str
    id: uuid.UUID
    partitions: list[PartitionLog]
    overrides: dict[str, str] = field(default_factory=dict)

    def config(self, name: str) -> str:
        return self.overrides.get(name, configs.DEFAULTS[name])


class Topics:
    def __init__(self, data: Path) -> None:
        self._file = data / "topics.json"
        self._folder = data / "topics"
        self._folder.mkdir(exist_ok=True)
        self.by_name: dict[str, Topic] = {}
        for name, kept in read_json(self._file, {}).items():
            self._add(name, uuid.UUID(kept["id"]), kept["partitions"], kept["configs"])
        self._remove_orphans()

    def _add(self, name: str, topic_id: uuid.UUID, partitions: int, overrides: dict[str, str]) -> Topic:
        topic = Topic(name, topic_id, [], overrides)
        topic.partitions = [self._open(topic, number) for number in range(partitions)]
        self.by_name[name] = topic
        return topic

    def _open(self, topic: Topic, number: int) -> PartitionLog:
        return PartitionLog(self._folder / str(topic.id) / str(number), int(topic.config("segment.bytes")))

    def _remove_orphans(self) -> None:
        """A kill between forgetting a topic and removing its files leaves a folder that nobody owns."""
        known = {str(topic.id) for topic in self.by_name.values()}
        for folder in self._folder.iterdir():
            if folder.name not in known:
                shutil.rmtree(folder)

    def _save(self) -> None:
        try:
            write_json(self._file, {
                topic.name: {"id": str(topic.id), "partitions": len(topic.partitions), "configs": topic.overrides}
                for topic in self.by_name.values()
            })  # fmt: skip
        except OSError as error:
            raise RefusedError(Code.STORAGE_ERROR, f"The catalogue could not be written: {error.strerror}.") from error

    def get(self, name: str | None, topic_id: uuid.UUID | None = None) -> Topic:
        if name:
            found = self.by_name.get(name)
            missing = Code.UNKNOWN_TOPIC_OR_PARTITION
        else:
            found = next((topic for topic in self.by_name.values() if topic.id == topic_id), None)
            missing = Code.UNKNOWN_TOPIC_ID
        if found is None:
            raise RefusedError(missing)
        return found

    def partition(self, topic: Topic, number: int) -> PartitionLog:
        if not 0 <= number < len(topic.partitions):
            raise RefusedError(Code.UNKNOWN_TOPIC_OR_PARTITION)
        return topic.partitions[number]

    def check_new(self, name: str, partitions: int, overrides: dict[str, str | None]) -> dict[str, str]:
        if not _NAME.fullmatch(name) or name in (".", ".."):
            raise RefusedError(Code.INVALID_TOPIC, "A topic name has 1 to 249 of a-z A-Z 0-9 . _ -")
        if name in self.by_name:
            raise RefusedError(Code.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
        if not 1 <= partitions <= _MOST_PARTITIONS:
            raise RefusedError(Code.INVALID_PARTITIONS, f"A topic has 1 to {_MOST_PARTITIONS} partitions here.")
        return {key: configs.check(key, value) for key, value in overrides.items()}

    def create(self, name: str, partitions: int, overrides: dict[str, str | None]) -> Topic:
        checked = self.check_new(name, partitions, overrides)
        try:
            topic = self._add(name, uuid.uuid4(), partitions, checked)
            self._save()
        except (OSError, RefusedError) as error:
            self.by_name.pop(name, None)
            raise RefusedError(Code.STORAGE_ERROR, f"The topic could not be stored: {error}.") from error
        return topic

    def grow(self, topic: Topic, count: int, *, only_check: bool) -> None:
        if not len(topic.partitions) < count <= _MOST_PARTITIONS:
            raise RefusedError(Code.INVALID_PARTITIONS, f"The topic has {len(topic.partitions)} partitions already.")
        if only_check:
            return
        try:
            topic.partitions += [self._open(topic, number) for number in range(len(topic.partitions), count)]
        except OSError as error:
            raise RefusedError(Code.STORAGE_ERROR, f"The partitions could not be made: {error.strerror}.") from error
        self._save()

    def configure(self, topic: Topic, changes: dict[str, str | None]) -> None:
        for name, value in changes.items():
            if value is None:
                topic.overrides.pop(name, None)
            else:
                topic.overrides[name] = value
        for partition in topic.partitions:
            partition.segment_bytes = int(topic.config("segment.bytes"))
        self._save()

    def delete(self, topic: Topic) -> None:
        del self.by_name[topic.name]
        self._save()
        for partition in topic.partitions:
            partition.delete()
        shutil.rmtree(self._folder / str(topic.id), ignore_errors=True)

    def retain(self) -> None:
        now = int(time.time() * 1000)
        for topic in self.by_name.values():
            if "delete" in topic.config("cleanup.policy"):
                for partition in topic.partitions:
                    partition.retain(now, int(topic.config("retention.ms")), int(topic.config("retention.bytes")))

    def close(self) -> None:
        for topic in self.by_name.values():
            for partition in topic.partitions:
                partition.close()
