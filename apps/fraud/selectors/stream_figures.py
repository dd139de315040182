"""The figures of the stream, as the command writes them and the page shows them."""

from __future__ import annotations

from datetime import datetime

import msgspec


class PartitionStatus(msgspec.Struct, frozen=True, kw_only=True):
    partition: int
    end: int
    committed: int | None
    lag: int
    behind_seconds: float | None
    """Age of the oldest message that is not read yet; 0 when everything is, None when it cannot be told."""
    member: str | None


class TopicStatus(msgspec.Struct, frozen=True, kw_only=True):
    topic: str
    partitions: list[PartitionStatus]
    lag: int
    behind_seconds: float | None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    member_id: str
    client_id: str
    host: str
    partitions: list[str]


class GroupStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One loop of the workers: each is a consumer group of its own."""

    group: str
    state: str
    members: list[Member]
    topics: list[TopicStatus]
    lag: int
    behind_seconds: float | None

    @property
    def unread(self) -> list[str]:
        """Partitions that no member has been given."""
        return [f"{one.topic}[{part.partition}]" for one in self.topics for part in one.partitions if not part.member]


class KafkaStatus(msgspec.Struct, frozen=True, kw_only=True):
    groups: list[GroupStatus]
    missing: list[str]
    lag: int
    behind_seconds: float | None
    dead_letters: dict[str, int]


class LaneStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One destination of the outbox."""

    lane: str
    rows: int = 0
    messages: int = 0
    oldest_seconds: float = 0.0
    attempts: int = 0
    failed_since: datetime | None = None
    next_try_at: datetime | None = None
    last_error: str = ""


class StreamStatus(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    kafka: KafkaStatus | None
    """None: it could not be asked; `problems` says why."""
    outbox: list[LaneStatus] | None
    problems: list[str]

    @property
    def known(self) -> bool:
        """Everything was read, and no topic is missing whose lag would then be a guess."""
        return not self.problems and self.kafka is not None and not self.kafka.missing
