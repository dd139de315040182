"""Committing and reading a group's offsets."""

from typing import Any

from kafka.protocol.consumer import OffsetCommitResponse, OffsetFetchResponse

from .broker import Broker, Client
from .codes import Code, RefusedError
from .offsets import Committed

_NOTHING = Committed(-1, "")


def offset_commit(broker: Broker, client: Client, request: Any) -> OffsetCommitResponse:
    commits: dict[tuple[str, int], Committed] = {}
    codes: dict[tuple[str, int], Code] = {}
    for asked in request.topics:
        for part in asked.partitions:
            key = (asked.name, part.partition_index)
            codes[key] = _check_partition(broker, *key)
            if codes[key] is Code.NONE:
                commits[key] = Committed(part.committed_offset, part.committed_metadata or "")
    try:
        broker.coordinator.check_commit(
            request.group_id, request.member_id, request.generation_id_or_member_epoch, request.group_instance_id
        )
        broker.coordinator.commit(request.group_id, commits)
    except RefusedError as refused:
        codes = dict.fromkeys(codes, refused.code)
    return _committed(request, codes)


def _check_partition(broker: Broker, topic: str, partition: int) -> Code:
    try:
        broker.topics.partition(broker.topics.get(topic or " "), partition)
    except RefusedError as refused:
        return refused.code
    return Code.NONE


def _committed(request: Any, codes: dict[tuple[str, int], Code]) -> OffsetCommitResponse:
    kind = OffsetCommitResponse.OffsetCommitResponseTopic
    topics = [
        kind(
            name=asked.name,
            partitions=[
                kind.OffsetCommitResponsePartition(
                    partition_index=part.partition_index, error_code=codes[asked.name, part.partition_index]
                )
                for part in asked.partitions
            ],
        )
        for asked in request.topics
    ]
    return OffsetCommitResponse(topics=topics)


def offset_fetch(broker: Broker, client: Client, request: Any) -> OffsetFetchResponse:
    if client.version >= 8:  # several groups in one request
        kind = OffsetFetchResponse.OffsetFetchResponseGroup
        groups = [
            kind(
                group_id=asked.group_id,
                topics=_offsets(broker, asked.group_id, asked.topics, kind.OffsetFetchResponseTopics),
            )
            for asked in request.groups
        ]
        return OffsetFetchResponse(groups=groups)
    kind = OffsetFetchResponse.OffsetFetchResponseTopic
    return OffsetFetchResponse(topics=_offsets(broker, request.group_id, request.topics, kind))


def _offsets(broker: Broker, group_id: str, asked: Any, kind: Any) -> list[Any]:
    known = broker.offsets.of(group_id)
    wanted: dict[str, list[int]] = {}
    if asked is None:
        for topic, partition in known:
            wanted.setdefault(topic, []).append(partition)
    else:
        wanted = {topic.name: list(topic.partition_indexes) for topic in asked}
    part = getattr(kind, "OffsetFetchResponsePartitions", None) or kind.OffsetFetchResponsePartition
    return [
        kind(
            name=topic,
            partitions=[_offset(part, number, known.get((topic, number), _NOTHING)) for number in numbers],
        )
        for topic, numbers in wanted.items()
    ]


def _offset(kind: Any, partition: int, at: Committed) -> Any:
    return kind(partition_index=partition, committed_offset=at.offset, committed_leader_epoch=-1, metadata=at.metadata)
