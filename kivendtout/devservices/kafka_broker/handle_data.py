"""Produce, Fetch, ListOffsets and what a producer or reader needs beside them."""

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

from kafka.protocol.consumer import FetchResponse, ListOffsetsResponse, OffsetForLeaderEpochResponse
from kafka.protocol.producer import InitProducerIdResponse, ProduceResponse

from .broker import LEADER_EPOCH, Broker, Client
from .codes import Code, RefusedError
from .log import PartitionLog

_LONGEST_WAIT = 60.0  # a reader that asks for more is answered with nothing and asks again


def produce(broker: Broker, client: Client, request: Any) -> ProduceResponse | None:
    kind = ProduceResponse.TopicProduceResponse
    responses = [
        kind(
            name=topic.name,
            topic_id=topic.topic_id,
            partition_responses=[_append(broker, request.acks, topic, part) for part in topic.partition_data],
        )
        for topic in request.topic_data
    ]
    return ProduceResponse(responses=responses) if request.acks != 0 else None


def _append(broker: Broker, acks: int, asked: Any, part: Any) -> Any:
    kind = ProduceResponse.TopicProduceResponse.PartitionProduceResponse
    try:
        if acks not in (-1, 0, 1):
            raise RefusedError(Code.INVALID_REQUIRED_ACKS)
        topic = broker.topics.get(asked.name, asked.topic_id)
        log = broker.topics.partition(topic, part.index)
        offset = log.append(part.records or b"", int(topic.config("max.message.bytes")))
    except RefusedError as refused:
        return kind(index=part.index, error_code=refused.code, base_offset=-1, error_message=refused.message)
    return kind(index=part.index, base_offset=offset, log_start_offset=log.start_offset)


def init_producer_id(broker: Broker, client: Client, request: Any) -> InitProducerIdResponse:
    if request.transactional_id is not None:
        code = Code.TRANSACTIONAL_ID_AUTHORIZATION_FAILED  # the one that makes every client give up at once
        return InitProducerIdResponse(error_code=code, producer_id=-1, producer_epoch=-1)
    try:
        return InitProducerIdResponse(producer_id=broker.new_producer_id(), producer_epoch=0)
    except OSError:
        return InitProducerIdResponse(error_code=Code.STORAGE_ERROR, producer_id=-1, producer_epoch=-1)


async def fetch(broker: Broker, client: Client, request: Any) -> FetchResponse:
    """Answers once there are `min_bytes`, an error, or the reader's patience has ended."""
    if (
        request.session_id
    ):  # no sessions are ever given out: session 0 tells the reader to name its partitions each time
        return FetchResponse(error_code=Code.FETCH_SESSION_ID_NOT_FOUND, responses=[])
    loop = asyncio.get_running_loop()
    deadline = loop.time() + min(max(request.max_wait_ms, 0) / 1000, _LONGEST_WAIT)
    news = asyncio.Event()
    watched = [log for log in _logs(broker, request) if log is not None]
    for log in watched:
        log.waiters.add(news)
    try:
        while True:
            news.clear()
            response, size, failed = _read_all(broker, request)
            if failed or size >= request.min_bytes or not await _something_new(news, deadline - loop.time()):
                return response
    finally:
        for log in watched:
            log.waiters.discard(news)


async def _something_new(news: asyncio.Event, seconds: float) -> bool:
    if seconds <= 0:
        return False
    try:
        await asyncio.wait_for(news.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _logs(broker: Broker, request: Any) -> Iterator[PartitionLog | None]:
    for asked in request.topics:
        for part in asked.partitions:
            try:
                yield broker.topics.partition(broker.topics.get(asked.topic, asked.topic_id), part.partition)
            except RefusedError:
                yield None


def _read_all(broker: Broker, request: Any) -> tuple[FetchResponse, int, bool]:
    size, failed = 0, False
    responses = []
    for asked in request.topics:
        parts = []
        for part in asked.partitions:
            budget = min(request.max_bytes - size, part.partition_max_bytes)
            answer = _read(broker, asked.topic, asked.topic_id, part, budget, first=size == 0)
            size += len(answer.records)
            failed = failed or answer.error_code != 0
            parts.append(answer)
        kind = FetchResponse.FetchableTopicResponse
        responses.append(kind(topic=asked.topic, topic_id=asked.topic_id, partitions=parts))
    return FetchResponse(session_id=0, responses=responses), size, failed


def _read(broker: Broker, name: str, topic_id: uuid.UUID, part: Any, budget: int, *, first: bool) -> Any:
    kind = FetchResponse.FetchableTopicResponse.PartitionData
    try:
        log = broker.topics.partition(broker.topics.get(name, topic_id), part.partition)
        # The first batch goes out even when it alone is over the limit: otherwise its reader would be stuck for ever.
        records = log.read(part.fetch_offset, budget) if first or budget > 0 else b""
    except RefusedError as refused:
        return kind(
            partition_index=part.partition, error_code=refused.code, high_watermark=-1, aborted_transactions=None,
            records=b"",
        )  # fmt: skip
    return kind(
        partition_index=part.partition, high_watermark=log.next_offset, last_stable_offset=log.next_offset,
        log_start_offset=log.start_offset, aborted_transactions=None, records=records,
    )  # fmt: skip


def list_offsets(broker: Broker, client: Client, request: Any) -> ListOffsetsResponse:
    topic_kind = ListOffsetsResponse.ListOffsetsTopicResponse
    kind = topic_kind.ListOffsetsPartitionResponse
    topics = []
    for asked in request.topics:
        parts = []
        for part in asked.partitions:
            try:
                log = broker.topics.partition(broker.topics.get(asked.name), part.partition_index)
                offset, timestamp = log.offset_for(part.timestamp)
                epoch = LEADER_EPOCH if offset >= 0 else -1
                answer = kind(
                    partition_index=part.partition_index, timestamp=timestamp, offset=offset, leader_epoch=epoch
                )
            except RefusedError as refused:
                answer = kind(partition_index=part.partition_index, error_code=refused.code)
            parts.append(answer)
        topics.append(topic_kind(name=asked.name, partitions=parts))
    return ListOffsetsResponse(topics=topics)


def offset_for_leader_epoch(broker: Broker, client: Client, request: Any) -> OffsetForLeaderEpochResponse:
    """One broker, one epoch: nothing ever diverges, and an epoch ends where the log ends."""
    topic_kind = OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult
    kind = topic_kind.EpochEndOffset
    topics = []
    for asked in request.topics:
        parts = []
        for part in asked.partitions:
            try:
                log = broker.topics.partition(broker.topics.get(asked.topic), part.partition)
                parts.append(kind(partition=part.partition, leader_epoch=LEADER_EPOCH, end_offset=log.next_offset))
            except RefusedError as refused:
                parts.append(kind(partition=part.partition, error_code=refused.code))
        topics.append(topic_kind(topic=asked.topic, partitions=parts))
    return OffsetForLeaderEpochResponse(topics=topics)
