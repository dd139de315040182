"""What every handler works on, and what it knows of who asks."""

import fcntl
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .coordinator import Coordinator
from .files import read_json, write_json
from .offsets import Offsets
from .topics import Topics

NODE_ID = 1
LEADER_EPOCH = 0
# Producer ids are handed out from a block reserved on disk, so that a kill never hands one out twice.
_PRODUCER_ID_BLOCK = 1000


@dataclass(frozen=True)
class Options:
    data: Path
    host: str = "127.0.0.1"
    port: int = 9092
    auto_create: bool = False
    default_partitions: int = 1
    # Apache Kafka's own defaults for both, so that what works here works there.
    shortest_session_ms: int = 6000
    request_bytes: int = 16 * 1024 * 1024


class Client(NamedTuple):
    client_id: str
    host: str
    version: int


class Broker:
    def __init__(self, options: Options) -> None:
        self.options = options
        options.data.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(options.data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._meta = options.data / "broker.json"
        meta = read_json(self._meta, {"cluster_id": uuid.uuid4().hex[:22], "producer_ids": 0})
        self.cluster_id: str = meta["cluster_id"]
        self._next_producer_id = self._reserved_producer_ids = int(meta["producer_ids"])
        self.topics = Topics(options.data)
        self.offsets = Offsets(options.data)
        self.coordinator = Coordinator(self.offsets, options.shortest_session_ms / 1000)

    def new_producer_id(self) -> int:
        if self._next_producer_id == self._reserved_producer_ids:
            reserved = self._reserved_producer_ids + _PRODUCER_ID_BLOCK
            write_json(self._meta, {"cluster_id": self.cluster_id, "producer_ids": reserved})
            self._reserved_producer_ids = reserved
        self._next_producer_id += 1
        return self._next_producer_id - 1

    def close(self) -> None:
        self.topics.close()
        self.offsets.close()
        os.close(self._lock)
