"""How far the stream's groups have read each partition, who their members are, how many dead letters there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from time import monotonic, sleep
from typing import Any, Final, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import GroupIdNotFoundError, KafkaError

from apps.fraud.selectors.stream_figures import GroupStatus, KafkaStatus, Member, PartitionStatus, TopicStatus
from kivendtout.lib.clock import EPOCH
from kivendtout.lib.health import check
from kivendtout.lib.kafka import DEAD_LETTERS, KafkaUnavailable, connection_options

# What the workers' loops read, as `apps/fraud/stream/work.py` has it; a test holds them together.
GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "kivendtout-stream": ("payments",),
    "kivendtout-records": ("cart-events", "labels", "orders"),
    "kivendtout-carts": ("cart-events",),
    "kivendtout-behaviour": ("user-events",),
}
# A person waits for the answer, and a cluster in order gives it within a tenth of a second.
ANSWER_MS: Final = 3_000
RETRY_SECONDS: Final = 0.1
# To look at the oldest unread message of each partition; what it does not tell by then is not known.
LOOK_SECONDS: Final = 1.5
# A broker sends whole batches: one of them a partition is all we want.
LOOK_BYTES: Final = 4_096


class _Group(NamedTuple):
    committed: dict[TopicPartition, int]
    state: str
    members: list[Member]


class _Read(NamedTuple):
    parts: list[TopicPartition]
    groups: dict[str, _Group]
    starts: dict[TopicPartition, int]
    ends: dict[TopicPartition, int]


def kafka_status(*, now: datetime, groups: Mapping[str, Sequence[str]] = GROUPS) -> KafkaStatus:
    topics = sorted({topic for some in groups.values() for topic in some})
    dead = [f"{name}{DEAD_LETTERS}" for name in topics]
    read = _read(list(groups), [*topics, *dead])
    found = [_group(name, set(groups[name]), read, now) for name in groups]
    return KafkaStatus(
        groups=found,
        missing=sorted({*topics, *dead} - {part.topic for part in read.parts}),
        lag=sum(one.lag for one in found),
        behind_seconds=_worst(found),
        dead_letters=_dead_letters(dead, read),
    )


def _read(groups: Sequence[str], topics: Sequence[str]) -> _Read:
    if not check("kafka").ok:  # at once, where a client would go on trying for seconds
        raise KafkaUnavailable
    try:
        admin = KafkaAdminClient(**connection_options() | {"request_timeout_ms": ANSWER_MS})
    except KafkaError as error:
        raise KafkaUnavailable from error
    until = monotonic() + ANSWER_MS / 1000
    try:
        while True:
            try:
                return _ask(admin, groups, topics)
            except KafkaError as error:
                # A cluster that has just started, or just lost a broker, names its leaders and coordinators anew.
                if not error.retriable or monotonic() >= until:
                    raise KafkaUnavailable from error
                sleep(RETRY_SECONDS)
    finally:
        admin.close()


def _ask(admin: Any, groups: Sequence[str], topics: Sequence[str]) -> _Read:
    parts = _partitions(admin, topics)
    found = {name: _Group(_committed(admin, name), *_members(admin, name)) for name in groups}
    # Ends last: what was read meanwhile does not look like more than there is.
    starts, ends = _offsets(admin, parts, OffsetSpec.EARLIEST), _offsets(admin, parts, OffsetSpec.LATEST)
    return _Read(parts, found, starts, ends)


def _committed(admin: Any, group: str) -> dict[TopicPartition, int]:
    return {part: found.offset for part, found in admin.list_group_offsets([group])[group].items()}


def _group(name: str, topics: set[str], read: _Read, now: datetime) -> GroupStatus:
    group = read.groups[name]
    ours = [part for part in read.parts if part.topic in topics]
    next_up = {part: max(group.committed.get(part, -1), read.starts[part]) for part in ours}
    lags = {part: max(read.ends[part] - next_up[part], 0) for part in ours}
    behind = _behind({part: next_up[part] for part in ours if lags[part]}, now)
    found = _topics(ours, group, read.ends, lags, behind)
    return GroupStatus(
        group=name,
        state=group.state,
        members=group.members,
        topics=found,
        lag=sum(lags.values()),
        behind_seconds=_worst(found),
    )


def _partitions(admin: Any, topics: Sequence[str]) -> list[TopicPartition]:
    described = admin.describe_topics(list(topics))
    return sorted(
        TopicPartition(one["name"], part["partition_index"])
        for one in described
        if not one["error_code"]  # not created yet
        for part in one["partitions"]
    )


def _offsets(admin: Any, parts: Sequence[TopicPartition], at: Any) -> dict[TopicPartition, int]:
    found = admin.list_partition_offsets(dict.fromkeys(parts, at), timeout_ms=ANSWER_MS) if parts else {}
    return {part: one.offset for part, one in found.items()}


def _members(admin: Any, group: str) -> tuple[str, list[Member]]:
    """Kafka forgets a group that has neither members nor offsets; newer brokers call that an error."""
    try:
        described = admin.describe_groups([group])[group]
    except GroupIdNotFoundError:
        return "Dead", []
    members = [
        Member(
            member_id=one["member_id"],
            client_id=one["client_id"],
            host=one["client_host"].lstrip("/"),
            partitions=_assigned(one["member_assignment"]),
        )
        for one in described["members"]
    ]
    return str(described["group_state"]), sorted(members, key=lambda one: (one.client_id, one.member_id))


def _assigned(assignment: Any) -> list[str]:
    """Empty while the group shares its partitions out anew."""
    if not isinstance(assignment, Mapping):
        return []
    topics = assignment["assigned_partitions"]
    return sorted(f"{one['topic']}[{number}]" for one in topics for number in one["partitions"])


def _behind(next_up: Mapping[TopicPartition, int], now: datetime) -> dict[TopicPartition, float]:
    """When the oldest unread message of each partition was sent. It is looked at, not guessed from rates."""
    if not next_up:
        return {}
    ages: dict[TopicPartition, float] = {}
    with suppress(KafkaError):  # the lag is known all the same
        consumer = KafkaConsumer(
            **connection_options(),
            enable_auto_commit=False,
            max_partition_fetch_bytes=LOOK_BYTES,
            fetch_max_wait_ms=100,
        )
        try:
            consumer.assign(list(next_up))
            for part, offset in next_up.items():
                consumer.seek(part, offset)
            until = monotonic() + LOOK_SECONDS
            while len(ages) < len(next_up) and monotonic() < until:
                for part, records in consumer.poll(timeout_ms=200).items():
                    sent = (records[0].timestamp / 1000) - (now - EPOCH).total_seconds()
                    ages.setdefault(part, max(-sent, 0.0))
                    consumer.pause(part)
        finally:
            consumer.close()
    return ages


def _topics(
    parts: Sequence[TopicPartition],
    group: _Group,
    ends: Mapping[TopicPartition, int],
    lags: Mapping[TopicPartition, int],
    behind: Mapping[TopicPartition, float],
) -> list[TopicStatus]:
    owners = {place: one.client_id for one in group.members for place in one.partitions}
    rows: dict[str, list[PartitionStatus]] = defaultdict(list)
    for part in parts:
        committed = group.committed.get(part, -1)
        rows[part.topic].append(
            PartitionStatus(
                partition=part.partition,
                end=ends[part],
                committed=committed if committed >= 0 else None,
                lag=lags[part],
                behind_seconds=behind.get(part) if lags[part] else 0.0,
                member=owners.get(f"{part.topic}[{part.partition}]"),
            )
        )
    return [
        TopicStatus(topic=topic, partitions=some, lag=sum(one.lag for one in some), behind_seconds=_worst(some))
        for topic, some in rows.items()
    ]


def _worst(rows: Sequence[PartitionStatus | TopicStatus | GroupStatus]) -> float | None:
    """A figure that is not known could be the worst."""
    known = [row.behind_seconds for row in rows]
    return None if None in known else max((one for one in known if one is not None), default=0.0)


def _dead_letters(topics: Sequence[str], read: _Read) -> dict[str, int]:
    counts = dict.fromkeys(topics, 0)
    for part, end in read.ends.items():
        if part.topic in counts:
            counts[part.topic] += max(end - read.starts[part], 0)
    return counts
